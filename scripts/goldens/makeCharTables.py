"""Writes src/tokenizer/charTables.ts: how the Rust `tokenizers` library classes and maps every code point.

Run: pip install tokenizers && python scripts/goldens/makeCharTables.py
Every table is read off the library's own BertNormalizer, BertPreTokenizer, NFD and Lowercase, one code point at a time,
so that it holds that library's Unicode versions (its parts use several) and not those of Python or Node.
"""
import os
import tokenizers
from tokenizers import normalizers, pre_tokenizers

POINTS = [p for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]


def bert(clean=False, chinese=False, strip=False, lower=False):
    return normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)


def ranges(points):
    """[start, length] runs of a sorted list."""
    out = []
    for p in points:
        if out and out[-1][0] + out[-1][1] == p:
            out[-1][1] += 1
        else:
            out.append([p, 1])
    return out


def base36(n):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    out = ""
    while True:
        n, r = divmod(n, 36)
        out = digits[r] + out
        if n == 0:
            return out


def encode_ranges(points):
    """Alternating gap before the run and length of the run, base 36."""
    out, at = [], 0
    for start, length in ranges(points):
        out += [base36(start - at), base36(length)]
        at = start + length
    return " ".join(out)


def encode_map(mapping):
    """`gap:code,code` for each code point that maps to something else; the gap counts from the entry before."""
    out, at = [], 0
    for p in sorted(mapping):
        out.append(base36(p - at) + ":" + ",".join(base36(ord(c)) for c in mapping[p]))
        at = p
    return " ".join(out)


def hangul(p):
    s = p - 0xAC00
    out = chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28)
    return out + (chr(0x11A7 + s % 28) if s % 28 else "")


clean, chinese, strip, lower = bert(clean=True), bert(chinese=True), bert(strip=True), bert(lower=True)
nfd = normalizers.NFD()
pre = pre_tokenizers.BertPreTokenizer()

removed, spaces, punctuation, cjk, stripped = [], [], [], [], []
decomposed, lowered = {}, {}
for p in POINTS:
    c = chr(p)
    cleaned = clean.normalize_str(c)
    assert cleaned in ("", " ", c), hex(p)
    if cleaned == "":
        removed.append(p)
    pieces = [w for w, _ in pre.pre_tokenize_str("a" + c + "a")]
    if pieces == ["a", "a"]:
        spaces.append(p)
    elif pieces == ["a", c, "a"]:
        punctuation.append(p)
    else:
        assert pieces == ["a" + c + "a"], hex(p)
    assert (cleaned == " ") == (p in spaces[-1:] and cleaned != ""), hex(p)
    padded = chinese.normalize_str(c)
    assert padded in (c, " " + c + " "), hex(p)
    if padded != c:
        cjk.append(p)
    full = nfd.normalize_str(c)
    if 0xAC00 <= p <= 0xD7A3:
        assert full == hangul(p), hex(p)
    elif full != c:
        decomposed[p] = full
    small = lower.normalize_str(c)
    if small != c:
        lowered[p] = small

# A mark is stripped where it goes and does not merely decompose.
for p in POINTS:
    c = chr(p)
    if p not in decomposed and strip.normalize_str("a" + c) == "a" and not 0xAC00 <= p <= 0xD7A3:
        stripped.append(p)
stripped_set = set(stripped)
for p in decomposed:
    assert strip.normalize_str("a" + chr(p)) == "a" + "".join(c for c in decomposed[p] if ord(c) not in stripped_set), hex(p)

# Canonical combining classes, by how NFD orders a code point against marks of known class.
MARKS = {1: 0x334, 7: 0x93C, 8: 0x3099, 9: 0x94D, 202: 0x327, 214: 0x1DCE, 216: 0x31B, 218: 0x302A, 220: 0x316, 222: 0x59A,
         224: 0x302E, 226: 0x1D16D, 228: 0x5AE, 230: 0x300, 232: 0x315, 233: 0x35C, 234: 0x35D, 240: 0x345}
for n in range(10, 37):
    MARKS.setdefault(n, None)
FIXED = {10: 0x5B0, 11: 0x5B1, 12: 0x5B2, 13: 0x5B3, 14: 0x5B4, 15: 0x5B5, 16: 0x5B6, 17: 0x5B7, 18: 0x5B8, 19: 0x5B9, 20: 0x5BB,
         21: 0x5BC, 22: 0x5BD, 23: 0x5BF, 24: 0x5C1, 25: 0x5C2, 26: 0xFB1E, 27: 0x64B, 28: 0x64C, 29: 0x64D, 30: 0x64E, 31: 0x64F,
         32: 0x650, 33: 0x651, 34: 0x652, 35: 0x670, 36: 0x711, 84: 0xC55, 91: 0xC56, 103: 0xE38, 107: 0xE48, 118: 0xEB8,
         122: 0xEC8, 129: 0xF71, 130: 0xF72, 132: 0xF74}
MARKS.update(FIXED)
order = sorted(MARKS)


def before(a, b):
    """True where NFD moves b in front of a: class(a) > class(b) > 0."""
    return a != b and nfd.normalize_str("x" + chr(a) + chr(b)) == "x" + chr(b) + chr(a)


for low, high in zip(order, order[1:]):
    assert before(MARKS[high], MARKS[low]), (low, high)
combining = {}
for p in POINTS:
    if p in decomposed or 0xAC00 <= p <= 0xD7A3:
        continue
    # Class 0 neither moves nor lets others pass.
    if not before(p, 0x334) and not before(0x345, p):
        continue
    found = [k for k in order if not before(p, MARKS[k]) and not before(MARKS[k], p)]
    assert len(found) == 1, (hex(p), found)
    combining[p] = found[0]
# U+0345 and U+0334 are the ends of the scale: neither passes itself.
assert combining[0x345] == 240 and combining[0x334] == 1

classes = "\n".join(
    f"  [{value}, '{encode_ranges(sorted(p for p in combining if combining[p] == value))}']," for value in sorted(set(combining.values()))
)
target = os.path.join(os.path.dirname(__file__), "..", "..", "src", "tokenizer", "charTables.ts")
with open(target, "w", encoding="ascii", newline="\n") as out:
    out.write(f"""/**
 * Made by scripts/goldens/makeCharTables.py from the Rust tokenizers library {tokenizers.__version__}; do not edit.
 * Ranges: gap before a run and length of the run, alternating. Maps: gap from the entry before, ":", what the code point becomes.
 * All numbers are base 36. Hangul syllables decompose by rule and are not listed.
 */

/** Code points that clean_text drops. */
export const removedRanges =
  '{encode_ranges(removed)}';

/** White space: splits words and is dropped. */
export const spaceRanges = '{encode_ranges(spaces)}';

/** Each is a word of its own. */
export const punctuationRanges =
  '{encode_ranges(punctuation)}';

/** Code points that tokenize_chinese_chars sets between blanks. */
export const cjkRanges = '{encode_ranges(cjk)}';

/** Nonspacing marks, which strip_accents drops. */
export const strippedRanges =
  '{encode_ranges(stripped)}';

/** Full canonical decompositions. */
export const decompositions =
  '{encode_map(decomposed)}';

/** Lower case, character by character. */
export const lowercase =
  '{encode_map(lowered)}';

/** Canonical combining classes other than 0. */
export const combiningClasses: readonly (readonly [number, string])[] = [
{classes}
];
""")
print(len(removed), len(spaces), len(punctuation), len(cjk), len(stripped), len(decomposed), len(lowered), len(combining), os.path.getsize(target))
