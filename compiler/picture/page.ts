/** A page: one HTML file that needs nothing else, light or dark as the reader's system is, and usable with the keyboard. */
import { createHash } from "node:crypto";
import { type Markup, markup, type Piece, verbatim } from "./markup.js";
import { pageCss } from "./pageStyle.js";
import { pictureCss } from "./style.js";

export interface Section {
  title: string;
  /** Its anchor. Default: made of the title. */
  id?: string;
  /** A sentence below the title. */
  lead?: Piece;
  body: Piece;
}

export interface Page {
  title: string;
  /** Below the title: the machine, the date. */
  subtitle?: Piece;
  sections: readonly Section[];
  /** mlac's own CSS and script, besides those that every page has; never text from a model. Data goes into a section with `json`. */
  css?: string;
  script?: string;
  /** Above the first section, without a title: the figures that matter. */
  summary?: Piece;
}

/**
 * page({ title: "tiny-2026-11-24", subtitle: "300 steps", sections: [{ title: "Loss", body: figures([figure({ title, picture })]) }] })
 *
 * Its content security policy allows no network and no script but the page's own, by its hash.
 */
export function page({ title, subtitle, sections, css = "", script, summary }: Page): string {
  const own = sections.map((section) => ({ ...section, id: section.id ?? anchorOf(section.title) }));
  const style = `${pictureCss}\n${pageCss}\n${css}`;
  const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = `default-src 'none'; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'${script === undefined ? "" : `; script-src ${hash(script)}`}`;
  const contents =
    own.length > 1 &&
    markup`<nav aria-label="Contents"><ul>${own.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`;
  return `${markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${verbatim(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="mlac">
<title>${title}</title>
<style>${verbatim(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><h1>${title}</h1>${subtitle && markup`<p>${subtitle}</p>`}</header>
${contents}
<main id="main" tabindex="-1">
${summary}
${own.map(({ id, title, lead, body }) => markup`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${lead && markup`<p class="lead">${lead}</p>`}\n${body}\n</section>\n`)}
</main>
${script !== undefined && markup`<script>${verbatim(script)}</script>\n`}</body>
</html>`}\n`;
}

/** Letters and digits only: whatever a title holds, it is an anchor. */
export const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "") || "section";

export interface Figure {
  title: string;
  picture: Markup;
  /** A sentence on how to read it. */
  note?: Piece;
  /** The numbers of the picture, folded away below it: for those who cannot see it, or want to copy them. */
  numbers?: Markup;
  /** Takes the whole width. */
  wide?: boolean;
}

export const figure = ({ title, picture, note, numbers, wide }: Figure): Markup =>
  markup`<figure${wide && verbatim(' class="wide"')}><figcaption><strong>${title}</strong>${note && markup`<span>${note}</span>`}</figcaption>${picture}${
    numbers && markup`<details><summary>Numbers</summary>${numbers}</details>`
  }</figure>`;

/** Side by side where there is room. */
export const figures = (all: readonly Piece[]): Markup => markup`<div class="figures">${all}</div>`;

export interface Column {
  name: Piece;
  /** Numbers stand at the right, so that their digits are below each other. */
  number?: boolean;
  /** In a fixed-width font: names from the model, code. */
  code?: boolean;
}

export interface Table {
  /** Read out; not shown. */
  title: string;
  columns: readonly Column[];
  rows: readonly (readonly Piece[])[];
}

/** A wide one scrolls by itself, with the keyboard too. The first cell of a row is its heading. */
export function table({ title, columns, rows }: Table): Markup {
  const kind = ({ number, code }: Column): Piece =>
    (number || code) && verbatim(` class="${[number && "number", code && "code"].filter(Boolean).join(" ")}"`);
  const head = columns.map((column) => markup`<th scope="col"${column.number && verbatim(' class="number"')}>${column.name}</th>`);
  const body = rows.map(
    (cells) =>
      markup`<tr>${columns.map((column, i) => (i === 0 ? markup`<th scope="row"${kind(column)}>${cells[i]}</th>` : markup`<td${kind(column)}>${cells[i]}</td>`))}</tr>`,
  );
  return markup`<div class="scroll" role="region" tabindex="0" aria-label="${title}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Names and what they are, in columns. */
export const facts = (all: readonly (readonly [name: string, value: Piece])[]): Markup =>
  markup`<dl class="facts">${all.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** The few figures that matter, large: a number, what it is, and a word about it. */
export const headlines = (all: readonly { value: Piece; name: string; about?: Piece }[]): Markup =>
  markup`<dl class="headlines">${all.map(({ value, name, about }) => markup`<div><dt>${name}</dt><dd>${value}</dd>${about && markup`<dd class="about">${about}</dd>`}</div>`)}</dl>`;

/** Lines of code or text, as they are. */
export const code = (text: string): Markup => markup`<pre class="scroll" tabindex="0"><code>${text}</code></pre>`;
