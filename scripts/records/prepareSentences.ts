/**
 * How well and how fast running text is split: the lines of a corpus of one sentence a line, joined to paragraphs, split again.
 *   node dist/scripts/records/prepareSentences.js FILE…
 * Prints, for each file, the share of our ends that are ends of lines (precision), of the ends of lines that are ours (recall), and MB a second
 * of processor time.
 */
import { splitSentences } from '../../pretraining/prepare/sentences.js';
import { readTextLines } from '../../src/data/textLines.js';

/** Ends of the sentences, counted in characters without white space. */
function endsOf(sentences: readonly string[]): Set<number> {
  let length = 0;
  return new Set(
    sentences.map((sentence) => {
      length += sentence.replaceAll(/\s/g, '').length;
      return length;
    }),
  );
}

for (const file of process.argv.slice(2)) {
  let [ours, theirs, both, bytes, microseconds] = [0, 0, 0, 0, 0];
  let paragraph: string[] = [];
  const judge = (): void => {
    const text = paragraph.join(' ');
    const before = process.cpuUsage();
    const sentences = splitSentences(text);
    const { user, system } = process.cpuUsage(before);
    microseconds += user + system;
    bytes += Buffer.byteLength(text);
    const [found, wanted] = [endsOf(sentences), endsOf(paragraph)];
    ours += found.size;
    theirs += wanted.size;
    for (const end of found) if (wanted.has(end)) both += 1;
    paragraph = [];
  };
  for await (const { lines } of readTextLines(file)) {
    for (const line of lines) {
      if (line.trim() === '') judge();
      else paragraph.push(line);
    }
  }
  judge();
  console.log(`${file}: ${theirs} lines, ${ours} sentences, precision ${((100 * both) / ours).toFixed(1)} %, recall ${((100 * both) / theirs).toFixed(1)} %, ${(bytes / microseconds).toFixed(1)} MB/s`);
}
