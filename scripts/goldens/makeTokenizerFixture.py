"""Writes src/tokenizer/fixtures/tokenizer.json: what the Rust `tokenizers` library makes of sampled and hard texts.

Run: pip install tokenizers && python scripts/goldens/makeTokenizerFixture.py CORPUS_DIR [BERT_BASE_UNCASED_VOCAB]
CORPUS_DIR holds english_novels_pre1930.txt (public domain novels) and openstax_ccby.txt (OpenStax textbooks, CC BY 4.0).
"""
import hashlib
import json
import os
import random
import sys
import unicodedata
import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

random.seed(20)
corpus = sys.argv[1]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OPTIONS = {
    "uncased": dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
    "cased": dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=False),
    "uncasedWithAccents": dict(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True),
    "casedWithoutAccents": dict(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=False),
    "uncasedWithoutChinese": dict(clean_text=True, handle_chinese_chars=False, strip_accents=None, lowercase=True),
    "raw": dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False),
}
HARD = {
    "empty": "",
    "blanks only": " \t\r\n\u3000\u00a0",
    "cjk": "自然語言 processing は日本語 or 한국어 text",
    "cjk against letters": "a自b然c",
    "supplementary cjk": "a\U00020000b \U0002a6d6\U0002f800 \U00030000",
    "compatibility ideographs": "\uf900\uf9ff\ufa70x",
    "combining marks": "e\u0301a\u0308\u0323 caf\u00e9 na\u00efve Z\u0351\u036b\u0343alg\u0321o",
    "marks alone": "\u0301 \u0308\u0323 a",
    "marks that survive and are reordered": "a\u302e\U0001d165b\u1dfa\u0315\u1df6",
    "control characters": "con\u0000trol\u0007 ch\u001bar\u007facters\u0085next\ufffd line",
    "zero width": "zero\u200bwidth\u200djoin\ufeffer soft\u00adhyphen \u2060 word",
    "emoji": "happy \U0001f600 family \U0001f468\u200d\U0001f469\u200d\U0001f467 flag \U0001f1eb\U0001f1f7 \u2764\ufe0f",
    "word of 100 characters": "a" * 100,
    "word of 101 characters": "a" * 101 + " b",
    "word of 100 supplementary characters": "\U00010428" * 100,
    "word of 101 after stripping 100": "e\u0301" * 100 + " " + "e\u0301" * 101,
    "final sigma": "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. σας",
    "turkish dotted i": "İstanbul DİYARBAKIR ı I i̇",
    "sharp s and titlecase": "STRASSE ẞ ß ǅ ǈ ﬁne ﬃ",
    "special tokens in text": "the [MASK] of [SEP] the[CLS]king [PAD][UNK] [mask] [ MASK ] [MASK",
    "special token twice": "[MASK][MASK][[MASK]]",
    "prefix in text": "##ing is ## not #a piece",
    "punctuation": "don't stop—it's 'quoted' “so” … $3.50+£4=€7 a_b ~ ^ ` | <x> @y #z",
    "signs that decompose to punctuation": "a\u2260b \u226ec \u037e d\u1fefe",
    "names of object members": "__proto__ constructor hasOwnProperty toString __defineGetter__",
    "numbers": "3.14159 1,000,000 ½ ² ٣ Ⅷ",
    "mixed scripts": "Привет мир שלום مرحبا नमस्ते สวัสดี ქართული",
    "hangul": "한국어 각 \u1100\u1161\u11a8",
    "line separators": "a\u2028b\u2029c\u000bd\u000ce\u001cf",
    "private use and unassigned": "a\ue000b \U000e0041 \U0010ffff \u0378",
}


def sample(name, count):
    with open(os.path.join(corpus, name), encoding="utf-8") as lines:
        pool = [line.rstrip("\n") for line in lines]
    return random.sample([line for line in pool if 20 < len(line) < 240], count)


def build(vocab, options):
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(**options)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    t.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    t.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    return t


def words(t, text):
    return [w for w, _ in t.pre_tokenizer.pre_tokenize_str(t.normalizer.normalize_str(text))]


novels = sample("english_novels_pre1930.txt", 120)
textbooks = sample("openstax_ccby.txt", 120)
sampled = novels + textbooks

# A vocabulary that knows most characters of every case, cased and uncased. (The trainer breaks ties at random, so that a new run may differ.)
trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
trained.normalizer = normalizers.BertNormalizer(lowercase=True)
trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
trained.train_from_iterator(sampled, trainers.WordPieceTrainer(vocab_size=1200, special_tokens=SPECIAL, min_frequency=2, show_progress=False))
known = set(trained.get_vocab()) - set(SPECIAL)
for name, options in OPTIONS.items():
    t = build({token: i for i, token in enumerate(SPECIAL)}, options)
    for text in list(HARD.values()) + sampled:
        for word in words(t, text):
            # Some characters stay unknown, so that words with an unknown character occur.
            for i, c in enumerate(word):
                if ord(c) % 7 != 3 or c.isascii():
                    known.add(c if i == 0 else "##" + c)
vocab = SPECIAL + sorted(known | {"__", "##proto", "constructor", "##hasOwnProperty", "7"})
ids = {token: i for i, token in enumerate(vocab)}

encoded = {}
for name, options in OPTIONS.items():
    t = build(ids, options)
    encoded[name] = {"hard": [t.encode(text, add_special_tokens=False).ids for text in HARD.values()]}
    if name in ("uncased", "cased"):
        encoded[name]["sampled"] = [t.encode(text, add_special_tokens=False).ids for text in sampled]

uncased = build(ids, OPTIONS["uncased"])
pairs = []
texts = sampled[:20] + list(HARD.values())[2:12]
for i in range(0, len(texts) - 1, 2):
    e = uncased.encode(texts[i], texts[i + 1])
    pairs.append([texts[i], texts[i + 1], e.ids, e.type_ids])

# [tokens of the first, of the second or -1 for none, limit, kept of the first or -1 for an error, kept of the second]
truncated = {}
for strategy in ("longest_first", "only_first", "only_second"):
    rows = truncated[strategy] = []
    for first in range(6):
        for second in range(-1, 6):
            for limit in range(2 if second < 0 else 3, 11):
                uncased.enable_truncation(limit, strategy=strategy)
                try:
                    e = uncased.encode(" ".join("a" * first), None if second < 0 else " ".join("b" * second))
                    rows.append([first, second, limit, e.tokens.count("a"), e.tokens.count("b")])
                except Exception:
                    rows.append([first, second, limit, -1, -1])
uncased.no_truncation()

decoded = []
favoured = [ids[c] for c in ".?!,'" if c in ids] + list(range(5))
for _ in range(60):
    row = [random.choice(favoured) if random.random() < 0.3 else random.randrange(len(vocab)) for _ in range(10)]
    decoded.append([row, uncased.decode(row, skip_special_tokens=False), uncased.decode(row, skip_special_tokens=True)])
contraction = uncased.encode("I don't think we're what they've said it's, I'm sure!").ids
decoded.append([contraction, uncased.decode(contraction, skip_special_tokens=False), uncased.decode(contraction, skip_special_tokens=True)])

# Strings thick with marks and decompositions: canonical ordering.
marks = [p for p in range(0x20000) if unicodedata.category(chr(p)).startswith("M")]
dense = [p for p in range(0x20000) if unicodedata.decomposition(chr(p))]
normalized = []
for _ in range(150):
    text = "".join(chr(random.choice(marks if random.random() < 0.6 else dense)) if random.random() < 0.8 else random.choice("aZ .≠") for _ in range(12))
    normalized.append([text, words(uncased, text)])

# Every code point between letters, as one hash for each setting.
digests = {}
for name, options in OPTIONS.items():
    t, digest = build(ids, options), hashlib.sha256()
    for p in list(range(0xD800)) + list(range(0xE000, 0x30000)) + list(range(0xE0000, 0xE1000)):
        digest.update(("\x1f".join(words(t, "a" + chr(p) + "b")) + "\x1e").encode())
    digests[name] = digest.hexdigest()

fixture = {
    "madeBy": f"scripts/goldens/makeTokenizerFixture.py with tokenizers {tokenizers.__version__}",
    "sources": "sampled: 120 lines of public domain novels, then 120 of OpenStax textbooks (openstax.org, CC BY 4.0)",
    "vocab": vocab,
    "hard": HARD,
    "sampled": sampled,
    "encoded": encoded,
    "pairs": pairs,
    "truncated": truncated,
    "decoded": decoded,
    "normalized": normalized,
    "digests": digests,
}
if len(sys.argv) > 2:
    with open(sys.argv[2], encoding="utf-8") as lines:
        base = build({line.rstrip("\n"): i for i, line in enumerate(lines)}, OPTIONS["uncased"])
    fixture["bertBaseUncased"] = [base.encode(text).ids for text in list(HARD.values()) + sampled]
target = os.path.join(os.path.dirname(__file__), "..", "..", "src", "tokenizer", "fixtures", "tokenizer.json")
with open(target, "w", encoding="ascii", newline="\n") as out:
    out.write("{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in fixture.items()) + "\n}\n")
print(len(vocab), os.path.getsize(target))
