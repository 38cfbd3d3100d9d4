/**
 * HTML and SVG as text. `markup` escapes whatever is put into a template, and this is the only place where text becomes
 * markup: a name from a model can hold tags, quotes or escape codes and appears as text, between tags and in attributes alike.
 */
import { plain } from "../plain.js";

/** Private, so that only this file can say of a text that it is markup. */
class Marked {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Markup = Marked;

/** What a template takes: text and numbers are escaped, lists put side by side, `undefined` and `false` are nothing. */
export type Piece = string | number | Markup | undefined | false | readonly Piece[];

/** markup`<td title="${name}">${name}</td>`. Attributes must stand in quotes. */
export function markup(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return new Marked(strings.reduce((text, string, i) => `${text}${textOf(pieces[i - 1])}${string}`));
}

export const nothing: Markup = markup``;

/** Pieces with `between` between them. */
export function join(pieces: readonly Piece[], between: Piece = ""): Markup {
  return new Marked(pieces.map(textOf).join(textOf(between)));
}

/** mlac's own CSS or script. Never for anything that holds a name from elsewhere. */
export function verbatim(text: string): Markup {
  return new Marked(text);
}

/** A value as JSON for `<script type="application/json">`: no text in it can end the script or start a comment. */
export function json(value: unknown): Markup {
  const text = JSON.stringify(value) ?? "null";
  return new Marked(text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

function textOf(piece: Piece): string {
  if (piece === undefined || piece === false) return "";
  if (piece instanceof Marked) return piece.toString();
  return Array.isArray(piece) ? piece.map(textOf).join("") : escaped(String(piece));
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Halves of surrogate pairs and U+FFFE, U+FFFF may not stand in XML at all: one would make a whole picture unreadable. */
function escaped(text: string): string {
  return plain(text)
    .replace(/[\p{Surrogate}\ufffe\uffff]/gu, "\ufffd")
    .replace(/[&<>"']/g, (c) => entities[c] ?? c);
}
