/** Ctrl-C and its relatives during long work: the first asks to finish the step and save, the second ends at once. */
import { constants } from "node:os";

const watched = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ctrl-C under npm reaches a process twice, from the terminal and from npm: what comes so soon (ms) is the same signal. */
const echo = 400;

export interface Signals {
  /** The first one that came. */
  readonly received: NodeJS.Signals | undefined;
  /** Gives the signals their usual effect again. */
  release(): void;
}

export function watchSignals(onFirst: (signal: NodeJS.Signals) => void): Signals {
  let received: NodeJS.Signals | undefined;
  let at = 0;
  const handle = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (received === undefined) {
      received = signal;
      at = now;
      onFirst(signal);
    } else if (now - at > echo) process.exit(exitCodeOf(signal));
  };
  for (const signal of watched) process.on(signal, handle);
  return {
    get received() {
      return received;
    },
    release() {
      for (const signal of watched) process.off(signal, handle);
    },
  };
}

/** 130 for SIGINT, 143 for SIGTERM: what a shell reports of a process that a signal ended. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + (constants.signals[signal] ?? 0);
