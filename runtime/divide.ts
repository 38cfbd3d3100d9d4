/** Which documents are trained on and which are kept for validation. */
import { documentsOf, type Piece } from "./documents.js";

export type Part = "train" | "validation";

export interface Source {
  path: string;
  /** In bytes. */
  size: number;
  /** Absent: shared out between both. */
  part?: Part;
}

export interface Placed {
  piece: Piece;
  part: Part;
  source: Source;
}

/**
 * The sources' documents in their order. Of those that are shared out, validation gets `share`, evenly spread: with 0.05 every
 * 20th. A single text file is one document; then validation gets its end.
 */
export async function* divide(sources: readonly Source[], share: number, field: string): AsyncGenerator<Placed> {
  const [only, ...more] = sources;
  if (only !== undefined && more.length === 0 && only.part === undefined && share > 0 && only.path.toLowerCase().endsWith(".txt")) {
    yield* splitOffEnd(only, share);
    return;
  }
  let due = 0.5;
  for (const source of sources) {
    let part: Part = source.part ?? "train";
    for await (const piece of documentsOf(source.path, field)) {
      if (piece.first && source.part === undefined) {
        due += share;
        part = due >= 1 ? "validation" : "train";
        if (part === "validation") due -= 1;
      }
      yield { piece, part, source };
    }
  }
}

/** The last `share` of a text file's bytes, from the start of a line on, becomes a document of its own. */
async function* splitOffEnd(source: Source, share: number): AsyncGenerator<Placed> {
  const border = source.size * (1 - share);
  let seen = 0;
  let part: Part = "train";
  for await (const piece of documentsOf(source.path)) {
    const length = Buffer.byteLength(piece.text);
    if (part === "train" && seen + length > border) {
      const cut = placeNear(piece.text, (border - seen) / length);
      if (cut > 0) yield { piece: { ...piece, text: piece.text.slice(0, cut) }, part, source };
      part = "validation";
      yield { piece: { ...piece, text: piece.text.slice(cut), first: true }, part, source };
    } else yield { piece, part, source };
    seen += length;
  }
}

/** The start of the line in which a share of a text ends, or a place between two characters where that is the first line. */
function placeNear(text: string, share: number): number {
  const near = Math.min(text.length - 1, Math.max(0, Math.round(text.length * share)));
  const line = text.lastIndexOf("\n", near - 1) + 1;
  if (line > 0 || near === 0) return line;
  return (text.charCodeAt(near) & 0xfc00) === 0xdc00 ? near - 1 : near;
}
