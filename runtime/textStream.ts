/** Tokens become text as they come: no half characters, and nothing that may turn out to begin a stop text. */
import { replacement, type Tokenizer } from "./tokenizers.js";

/**
 * A token's text may depend on the one before it (a tokenizer leaves out the first word's space) but on no earlier one. So what a token adds is the text
 * of the last few tokens less the text of all of them but the new ones: the work for a token does not grow with the text.
 */
export class TextStream {
  readonly #ids: number[] = [];
  /** The text of #ids up to #read. What comes after is decoded together with the tokens from #from on. */
  #settled = "";
  #from = 0;
  #read = 0;
  #shown = 0;

  constructor(
    readonly tokenizer: Tokenizer,
    readonly stop: readonly string[],
    readonly onText: (text: string) => void,
  ) {}

  /** Takes a token; says whether a stop text is complete. */
  add(id: number): boolean {
    this.#ids.push(id);
    const { text, end } = this.#all();
    if (end !== undefined) this.#show(text.slice(0, end));
    else if (!text.endsWith(replacement)) {
      this.#settled = text;
      this.#from = this.#read;
      this.#read = this.#ids.length;
      this.#show(text.slice(0, text.length - this.#held(text)));
    }
    return end !== undefined;
  }

  /** All of it, up to a stop text. */
  finish(): string {
    const { text, end } = this.#all();
    const whole = text.slice(0, end ?? text.length);
    this.#show(whole);
    return whole;
  }

  /** The text so far, and where the first stop text begins in it. */
  #all(): { text: string; end: number | undefined } {
    const known = this.tokenizer.decode(this.#ids.slice(this.#from, this.#read));
    const text = this.#settled + this.tokenizer.decode(this.#ids.slice(this.#from)).slice(known.length);
    // A stop text that was complete earlier would have been found then.
    const begin = Math.max(0, this.#settled.length - Math.max(0, ...this.stop.map((stop) => stop.length)));
    const found = this.stop.map((stop) => text.indexOf(stop, begin)).filter((at) => at >= 0);
    return { text, end: found.length > 0 ? Math.min(...found) : undefined };
  }

  /** How many of the last characters may be the beginning of a stop text. */
  #held(text: string): number {
    const most = Math.max(0, ...this.stop.map((stop) => stop.length - 1));
    for (let n = Math.min(most, text.length); n > 0; n--) if (this.stop.some((stop) => stop.startsWith(text.slice(-n)))) return n;
    return 0;
  }

  #show(text: string): void {
    if (text.length <= this.#shown) return;
    this.onText(text.slice(this.#shown));
    this.#shown = text.length;
  }
}
