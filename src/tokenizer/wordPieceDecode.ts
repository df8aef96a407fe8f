/** Tokens back to text, as the Rust library's WordPiece decoder with clean-up. */

/** Contractions and punctuation that lose the blank before them, token by token, in this order. */
const cleanUps: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Text of tokens as the tokenizers library's WordPiece decoder writes it: continuing pieces joined on, blanks before signs and contractions taken out. */
export function wordPieceDecode(tokens: readonly string[], prefix: string): string {
  let text = '';
  tokens.forEach((token, i) => {
    let part = token;
    if (i > 0) part = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    for (const [from, to] of cleanUps) part = part.replaceAll(from, to);
    text += part;
  });
  return text;
}
