/** Figures of a bench as text. */
import { quantity } from "../picture/index.js";

export const ms = (milliseconds: number): string => quantity(milliseconds / 1000, "s");

/** A share without its sign. */
export const percent = (share: number): string => `${(100 * Math.abs(share)).toFixed(1)} %`;

export const halfWidth = ({ low, high }: { low: number; high: number }): string => `±${ms((high - low) / 2)}`;
