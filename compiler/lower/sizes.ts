/** The sizes that train() gives, and the dimensions that are made of them. */
import type { ts } from "ts-morph";
import type { Frame } from "../diagnostics.js";
import type { Dim } from "../ir.js";
import type { Context } from "./context.js";
import type { Entry, Fields } from "./known.js";

export class Sizes {
  constructor(
    readonly c: Context,
    readonly fields: Fields,
  ) {}

  /** A dimension by its name, which may be a sum, as N+R. `node` is where it is needed. */
  dim(name: string, node: ts.Node): Dim {
    const size = name.split("+").reduce((sum, part) => sum + this.#one(part, node), 0);
    return { name, size };
  }

  /** All of them, for the manifest. */
  all(): Record<string, number> {
    const sizes: Record<string, number> = {};
    for (const [name, { known }] of this.fields.entries)
      if (known.is === "constant" && typeof known.value === "number") sizes[name] = known.value;
    return sizes;
  }

  #one(name: string, node: ts.Node): number {
    const entry = this.fields.entries.get(name);
    if (!entry)
      throw this.c.error(node, "shape/size", `there is no size for ${name}`, {
        also: [{ span: this.c.span(this.fields.node), label: "the sizes" }],
        help: `add it to the sizes: ${name}: …`,
      });
    const { known } = entry;
    if (known.is === "constant" && typeof known.value === "number" && Number.isSafeInteger(known.value) && known.value > 0)
      return known.value;
    const found = known.is === "constant" ? String(known.value) : "no number";
    throw this.c.error(node, "shape/size", `the size of ${name} is ${found}; it must be a whole number from 1`, {
      also: [this.#place(entry)],
    });
  }

  /** Where the sizes of a dimension were given. */
  frames(name: string): Frame[] {
    return name.split("+").flatMap((part) => {
      const entry = this.fields.entries.get(part);
      return entry ? [this.#place(entry)] : [];
    });
  }

  #place({ known, node }: Entry): Frame {
    const replaced = known.is === "constant" ? known.replaced : undefined;
    return replaced ? { span: this.c.span(replaced), label: "replaced by --set" } : { span: this.c.span(node) };
  }
}
