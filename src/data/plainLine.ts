/** Text from data or a command line as one line that Markdown and YAML take literally, for model cards. */
export function plainLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ').replaceAll(/[<>|`]/g, '');
}
