/** Numbers as people read them: three or four digits and a unit. */

/**
 * What a number counts. "B": bytes, in KiB, MiB; "s": seconds, in µs, ms; "%": a share, 1 is 100 %; "": a plain number, short (12.3k);
 * anything else stands after an SI prefix, such as "FLOP/s".
 */
export type Unit = "" | "B" | "s" | "%" | (string & {});

export interface Prefix {
  factor: number;
  /** What stands behind the number, with its space. */
  text: string;
}

const binaryPrefixes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const largePrefixes = ["", "k", "M", "G", "T", "P"];
const smallPrefixes = ["", "m", "µ", "n"];

/** The prefix that leaves a number of this size with one to three digits before its point. */
export function prefixOf(value: number, unit: Unit): Prefix {
  const size = Math.abs(value);
  if (unit === "%") return { factor: 0.01, text: " %" };
  if (unit === "B") {
    const power = size >= 1024 ? Math.min(Math.floor(Math.log2(size) / 10), binaryPrefixes.length - 1) : 0;
    return { factor: 1024 ** power, text: ` ${binaryPrefixes[power]}` };
  }
  if (!Number.isFinite(size) || size === 0 || (unit === "" && size < 10_000) || (unit === "s" && size >= 1))
    return { factor: 1, text: unit === "" ? "" : ` ${unit}` };
  const thousands = Math.floor(Math.log10(size) / 3 + 1e-9);
  // A tenth of a FLOP a byte is 0.1 of it; only time is at home below one.
  const least = unit === "s" ? -smallPrefixes.length + 1 : 0;
  const power = Math.max(least, Math.min(thousands, largePrefixes.length - 1));
  const prefix = power < 0 ? smallPrefixes[-power] : largePrefixes[power];
  return { factor: 1000 ** power, text: unit === "" ? `${prefix}` : ` ${prefix}${unit}` };
}

/** "12.3k", "4.67 MiB", "0.00312 → 3.12e-3", "NaN". */
export function quantity(value: number, unit: Unit = ""): string {
  if (!Number.isFinite(value)) return String(value);
  const { factor, text } = prefixOf(value, unit);
  return `${digits(value / factor)}${text}`;
}

/** About four digits; a minus is a minus sign. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return value
      .toExponential(2)
      .replace("e+", "e")
      .replace(/\.?0+e/, "e")
      .replace("-", "−");
  const places = size >= 1000 || size === 0 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return Number(value.toFixed(places)).toLocaleString("en-US", { maximumFractionDigits: 3 }).replace("-", "−");
}
