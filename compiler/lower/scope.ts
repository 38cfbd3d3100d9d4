/** Names and what they stand for, scope within scope. */
import type { ts } from "ts-morph";
import type { Known } from "./known.js";

export interface Binding {
  /** Unset until the declaration has been reached: the name is there, its value is not. */
  known: Known | undefined;
  kind: "const" | "let";
  node: ts.Node;
  /** The label of the loop that carries this variable from layer to layer, while its body is being lowered. */
  carriedBy?: string | undefined;
}

export class Scope {
  readonly #bindings = new Map<string, Binding>();

  /** `activation` is one call of a function, or one module: variables may be assigned in the one that declares them only. */
  private constructor(
    readonly parent: Scope | undefined,
    readonly activation: symbol,
  ) {}

  static ofModule(): Scope {
    return new Scope(undefined, Symbol());
  }

  ofCall(): Scope {
    return new Scope(this, Symbol());
  }

  ofBlock(): Scope {
    return new Scope(this, this.activation);
  }

  declare(name: string, binding: Binding): void {
    this.#bindings.set(name, binding);
  }

  find(name: string): { binding: Binding; scope: Scope } | undefined {
    const binding = this.#bindings.get(name);
    return binding ? { binding, scope: this } : this.parent?.find(name);
  }
}
