/** What the whole of one lowering shares: where we are, and how to say that something is wrong. */
import { ts } from "ts-morph";
import { type Frame, MlacError } from "../diagnostics.js";
import type { CallStack, Span } from "../ir.js";
import type { Constant } from "./known.js";
import type { ModelState } from "./model.js";
import type { Project } from "./project.js";

export class Context {
  /** The calls that are being inlined, outermost first; of a block, also those that made it. */
  readonly calls: { node: ts.Node; made: CallStack }[] = [];
  #model: ModelState | undefined;

  constructor(
    readonly project: Project,
    /** Literals that --set has replaced. */
    readonly overrides: ReadonlyMap<ts.Node, Constant>,
  ) {}

  span(node: ts.Node): Span {
    return this.project.span(node);
  }

  /** The call stack of something made by `node`. */
  origin(node: ts.Node): CallStack {
    return [node, ...this.calls.map((call) => call.node).toReversed()].map((n) => this.span(n));
  }

  /**
   * For throwing: a diagnostic at `node` with the calls that led there, and where a function was called that made a block, as those of
   * mlac/blocks do. `also` are further places that have a say in it.
   */
  error(node: ts.Node, slug: string, message: string, more: { label?: string; help?: string; also?: readonly Frame[] } = {}): MlacError {
    const frames: Frame[] = [{ span: this.span(node), ...(more.label === undefined ? {} : { label: more.label }) }];
    frames.push(...(more.also ?? []));
    for (const call of this.calls.toReversed()) {
      frames.push(...call.made.slice(1).map((span) => ({ span, label: "the block is made here" })));
      frames.push({ span: this.span(call.node) });
    }
    return new MlacError([{ slug, message, frames, ...(more.help === undefined ? {} : { help: more.help }) }]);
  }

  /** Runs `inside` with a call on the stack of calls. */
  calling<R>(node: ts.Node, inside: () => R, made: CallStack = []): R {
    this.calls.push({ node, made });
    const result = inside();
    this.calls.pop(); // not in a `finally`: an error ends the lowering
    return result;
  }

  /** The model that is being lowered; ops can be added to nothing else. */
  model(node: ts.Node): ModelState {
    if (!this.#model)
      throw this.error(node, "syntax/outside-model", "tensors are computed inside of a block; here there is no model yet", {
        help: "write block({…}, (p, x) => …) and compute in its function",
      });
    return this.#model;
  }

  set lowering(model: ModelState) {
    this.#model = model;
  }
}

/** The key of an entry in an object literal or pattern. */
export function propertyName(c: Context, name: ts.PropertyName): string {
  if (ts.isIdentifier(name) || ts.isStringLiteral(name) || ts.isNumericLiteral(name) || ts.isNoSubstitutionTemplateLiteral(name))
    return name.text;
  throw c.error(name, "syntax/key", "the key of an entry must be written out");
}
