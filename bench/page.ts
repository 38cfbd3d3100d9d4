/** Pages of docs/performance keep their measured part between two comments, so that a new measurement replaces it alone. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";

const begin = "<!-- measured -->";
const end = "<!-- /measured -->";

/** Errors: run/page, when the page or its comments are not there. Gives the page's path. */
export function replaceMeasured(page: string, markdown: string): string {
  const path = join(root, "docs/performance", page);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) fail("run/page", `${path} has no place for figures, between ${begin} and ${end}`);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n${markdown.trim()}\n${text.slice(to)}`);
  return path;
}

/** A Markdown table; the first row is its head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
