/** Numbers and lines as a terminal and the page show them. */

import { binary } from "../memory.js";
import type { Resources } from "./inspection.js";

/** Cut to a terminal's width, where it has one. */
export const cut = (line: string, width: number | undefined): string =>
  width === undefined || line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;

/** 1,234.5: thousands apart, so many digits behind the point. */
export const figure = (x: number, digits = 0): string =>
  x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** What is not known. */
export const none = "–";

/** "4.00 KiB", "0 B +" where a launch adds more. */
export const sharedMemory = ({ sharedBytes, sharedAtLaunch }: Resources): string => `${binary(sharedBytes)}${sharedAtLaunch ? " +" : ""}`;
