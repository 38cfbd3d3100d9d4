/** Where ranks wait for each other: each meeting has a name, and ends when all have come. */
export class Meetings {
  readonly #size: number;
  readonly #open = new Map<string, Map<number, unknown>>();

  constructor(size: number) {
    this.#size = size;
  }

  /** What each has brought, by rank, once the last one has come. */
  come(rank: number, name: string, value: unknown): unknown[] | undefined {
    const come = this.#open.get(name) ?? new Map<number, unknown>();
    this.#open.set(name, come.set(rank, value));
    if (come.size < this.#size) return undefined;
    this.#open.delete(name);
    return Array.from({ length: this.#size }, (_, one) => come.get(one) ?? null);
  }
}
