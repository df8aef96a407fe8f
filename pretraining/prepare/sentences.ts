/**
 * Running text into sentences by the rules of Unicode (UAX 29, `Intl.Segmenter`), with the splits mended that those rules make after titles,
 * initials and quoted questions: they know no abbreviations. Made for English; other languages get the plain rules.
 */
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

const titles = 'Mr|Mrs|Ms|Dr|Prof|St|Rev|Gen|Col|Capt|Lt|Sgt|Maj|Adm|Hon|Messrs|Mme|Mlle|Sen|Rep|Gov|Pres|vs|cf|Fig|Figs|e\\.g|i\\.e|viz|approx';
/** A title or an initial stands at the end. "I." is a word more often than a name. */
const openEnd = new RegExp(`(?:^|[\\s(\\[“‘"'—-])(?:${titles}|[A-HJ-Z])\\.\\s+$`, 'u');
/** Longest match of `openEnd`, with some blanks. */
const tailLength = 16;
const lowercaseStart = /^\p{Ll}/u;

/** What may end a sentence, as far as Latin text goes; any other script has rules of its own. */
const mayEnd = /[.?!\u0080-\u009f]|(?![\u2010-\u2027])[^\t -\u02ff]/;
const lastEnd = /^[.?!]+["')\]”’]*\s*$/;

/** Most lines of a corpus of one sentence a line: told at a tenth of the cost. */
function isOneSentence(text: string): boolean {
  const at = text.search(mayEnd);
  return at < 0 || lastEnd.test(text.slice(at));
}

/** The sentences of a text without blanks around them; none is empty. */
export function splitSentences(text: string): string[] {
  if (isOneSentence(text)) return text.trim() === '' ? [] : [text.trim()];
  const sentences: string[] = [];
  let start = 0;
  let end = 0;
  const close = (): void => {
    const sentence = text.slice(start, end).trim();
    if (sentence !== '') sentences.push(sentence);
  };
  for (const { segment, index } of segmenter.segment(text)) {
    const goesOn = index > start && (lowercaseStart.test(segment) || openEnd.test(text.slice(Math.max(start, index - tailLength), index)));
    if (!goesOn && index > start) {
      close();
      start = index;
    }
    end = index + segment.length;
  }
  close();
  return sentences;
}
