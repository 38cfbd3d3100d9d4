/**
 * Many requests through one generator: each has a slot of the cache while it runs, and whoever is done makes room for the next.
 *
 * A step decodes one row for every request that writes; rows that are left take prompts further, several tokens at a time. How a prompt
 * goes in follows from its own length alone, and a row's numbers do not depend on the others: so a request says the same whatever else
 * is asked beside it.
 */
import type { Draw, Drawn, Generator, Row } from "./generator.js";

export interface Request {
  /** At least one, and fewer than the context has room for. */
  tokens: ArrayLike<number>;
  /** Tokens to add at most. */
  most: number;
  draw: Omit<Draw, "step">;
  /** Gets each new token; answers whether to go on. */
  onToken(drawn: Drawn): boolean;
  /** `length`: `most` tokens were added; `context`: there is no room for more; `stopped`: onToken said so. */
  onEnd(why: "length" | "context" | "stopped"): void;
}

interface Running {
  request: Request;
  slot: number;
  /** Tokens that the cache has. */
  kept: number;
  /** Tokens that are known: the prompt's, then its own. */
  tokens: number[];
  added: number;
}

/** Ends when every request has, or when `stopped` says so. Errors: run/failed. */
export async function runRequests(generator: Generator, requests: Iterable<Request>, stopped: () => boolean = () => false): Promise<void> {
  const waiting = requests[Symbol.iterator]();
  const slots = Math.min(generator.sizes.slots, generator.sizes.rows);
  const free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  const running: Running[] = [];
  for (;;) {
    while (free.length > 0) {
      const next = waiting.next();
      if (next.done) break;
      const tokens = Array.from(next.value.tokens);
      running.push({ request: next.value, slot: free.pop()!, kept: 0, tokens, added: 0 });
    }
    if (running.length === 0 || stopped()) return;
    const beginning = running.filter((one) => one.kept === 0 && wantsWindow(one, generator)).slice(0, generator.sizes.sequences);
    const asked = beginning.length > 0 ? await prefill(generator, beginning) : await decode(generator, running);
    const drawn = await generator.sample(asked.map((one) => one && drawOf(one)));
    asked.forEach((one, i) => {
      if (!one || !take(one, drawn[i]!, generator.sizes.context)) return;
      running.splice(running.indexOf(one), 1);
      free.push(one.slot);
    });
  }
}

/** Whether a window is worth its padding. */
const wantsWindow = ({ tokens }: Running, { sizes }: Generator): boolean => tokens.length >= Math.max(sizes.rows, sizes.window / 4);

const drawOf = ({ request, added }: Running): Draw => ({ ...request.draw, step: added });

/** Who each row of logits is for, if its token is wanted: not those in the middle of a prompt. */
type Asked = (Running | undefined)[];

async function prefill(generator: Generator, beginning: readonly Running[]): Promise<Asked> {
  for (const one of beginning) one.kept = Math.min(one.tokens.length, generator.sizes.window);
  await generator.prefill(beginning.map(({ tokens, kept, slot }) => ({ tokens: tokens.slice(0, kept), slot })));
  return beginning.map((one) => (one.kept === one.tokens.length ? one : undefined));
}

async function decode(generator: Generator, running: readonly Running[]): Promise<Asked> {
  const rows: Row[] = [];
  const asked: Asked = [];
  const add = (one: Running): void => {
    rows.push({ token: one.tokens[one.kept]!, slot: one.slot, position: one.kept });
    one.kept += 1;
    asked.push(one.kept === one.tokens.length ? one : undefined);
  };
  // Every request has a row: no more run at a time.
  for (const one of running) add(one);
  for (const one of running) while (rows.length < generator.sizes.rows && one.kept < one.tokens.length) add(one);
  await generator.decode(rows);
  return asked;
}

/** Whether that was the request's last token. */
function take(one: Running, drawn: Drawn, context: number): boolean {
  one.tokens.push(drawn.token);
  one.added += 1;
  const end = !one.request.onToken(drawn)
    ? "stopped"
    : one.added >= one.request.most
      ? "length"
      : one.tokens.length > context
        ? "context"
        : undefined;
  if (end) one.request.onEnd(end);
  return end !== undefined;
}
