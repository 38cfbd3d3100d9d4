/**
 * Text from outside (a model's source, a prompt, sampled tokens, a compiler's output) made safe to print: escape sequences
 * and other control characters, which could move the cursor or retitle the terminal, and characters that reorder
 * a line (CVE-2021-42574) become U+FFFD: one character for one, so that marks under a line of source keep their place.
 * Line breaks and tabs stay.
 */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
