/** Tokens become text as they come: no half characters, and nothing that may turn out to begin a stop text. */
import { replacement, type Tokenizer } from "./tokenizers.js";

export class TextStream {
  readonly #ids: number[] = [];
  #shown = "";

  constructor(
    readonly tokenizer: Tokenizer,
    readonly stop: readonly string[],
    readonly onText: (text: string) => void,
  ) {}

  /** Takes a token; says whether a stop text is complete. */
  add(id: number): boolean {
    this.#ids.push(id);
    const text = this.tokenizer.decode(this.#ids);
    const end = this.#endOf(text);
    if (end !== undefined) this.#show(text.slice(0, end));
    else if (!text.endsWith(replacement)) this.#show(text.slice(0, text.length - this.#held(text)));
    return end !== undefined;
  }

  /** All of it, up to a stop text. */
  finish(): string {
    const text = this.tokenizer.decode(this.#ids);
    const whole = text.slice(0, this.#endOf(text) ?? text.length);
    this.#show(whole);
    return whole;
  }

  /** Where the first stop text begins. */
  #endOf(text: string): number | undefined {
    const found = this.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    return found.length > 0 ? Math.min(...found) : undefined;
  }

  /** How many of the last characters may be the beginning of a stop text. */
  #held(text: string): number {
    const most = Math.max(0, ...this.stop.map((stop) => stop.length - 1));
    for (let n = Math.min(most, text.length); n > 0; n--) if (this.stop.some((stop) => stop.startsWith(text.slice(-n)))) return n;
    return 0;
  }

  #show(text: string): void {
    if (text.length <= this.#shown.length) return;
    this.onText(text.slice(this.#shown.length));
    this.#shown = text;
  }
}
