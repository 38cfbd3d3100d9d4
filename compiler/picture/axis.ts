/** From numbers to places along an axis, and the round numbers that stand there. d3-scale does the arithmetic. */
import { type ScaleLinear, type ScaleLogarithmic, scaleLinear, scaleLog } from "d3-scale";
import { digits, prefixOf, quantity, type Unit } from "./quantity.js";

/** All may be left out: the ends then come from the data, and are round. */
export interface Axis {
  /** What is measured, in words: "step", "nats a token". */
  label?: string;
  unit?: Unit;
  /** Values that are not above zero have no place on it and are left out. */
  log?: boolean;
  /** The ends. Data beyond them are cut off. */
  from?: number;
  to?: number;
  /** Zero belongs to it, whatever the data. */
  zero?: boolean;
  /** Ends where the data end, not at the next round number: for time and steps. */
  tight?: boolean;
  /** Only whole numbers stand on it: for steps and counts. */
  whole?: boolean;
}

export interface Tick {
  /** Pixels. */
  at: number;
  /** Empty for a line without a number. */
  label: string;
}

export interface Scale {
  from: number;
  to: number;
  /** NaN where a value has no place. */
  place: (value: number) => number;
  ticks: readonly Tick[];
}

/** Beyond this, differences of two numbers could be infinite. */
const huge = 1e300;

/** Has a value a place on this axis? */
export const fits = (axis: Axis, value: number): boolean => Number.isFinite(value) && (!axis.log || value > 0);

/** `pixels` are the places of the two ends; about one number each `spacing` pixels. */
export function scaleOf(axis: Axis, values: Iterable<number>, pixels: readonly [number, number], spacing: number): Scale {
  const count = Math.max(2, Math.round(Math.abs(pixels[1] - pixels[0]) / spacing));
  const ends = endsOf(axis, values);
  const d3 = (axis.log ? scaleLog() : scaleLinear()).domain(ends).range(pixels).clamp(true);
  if (!axis.tight && !axis.log) niceInUnit(d3 as ScaleLinear<number, number>, axis, count);
  const [from = 0, to = 1] = d3.domain();
  const place = (value: number): number => (fits(axis, value) ? (d3(Math.max(-huge, Math.min(value, huge))) ?? Number.NaN) : Number.NaN);
  return {
    from,
    to,
    place,
    ticks: axis.log ? logTicks(d3 as ScaleLogarithmic<number, number>, axis, count) : linearTicks(d3, axis, count),
  };
}

/** Never the same number twice, and never none. */
function endsOf(axis: Axis, values: Iterable<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!fits(axis, value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = axis.log ? [1, 10] : [0, 1];
  if (axis.zero && !axis.log) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  low = Math.max(-huge, axis.from ?? low);
  high = Math.min(huge, axis.to ?? high);
  if (axis.log) low = Math.max(low, Number.MIN_VALUE * 1e16);
  if (low < high) return [low, high];
  if (axis.log) return [low / 2, low * 2];
  const room = axis.zero && low === 0 ? 1 : Math.abs(low) / 10 || 1;
  return axis.zero ? [Math.min(0, low), Math.max(0, high) || room] : [low - room, low + room];
}

/** Bytes are round in KiB, not in thousands: ticks are sought among the numbers that will be printed. */
function niceInUnit(d3: ScaleLinear<number, number>, axis: Axis, count: number): void {
  const [low = 0, high = 1] = d3.domain();
  const { factor } = prefixOf(Math.max(Math.abs(low), Math.abs(high)), axis.unit ?? "");
  const [from = 0, to = 1] = scaleLinear()
    .domain([low / factor, high / factor])
    .nice(count)
    .domain();
  d3.domain([axis.from ?? from * factor, axis.to ?? to * factor]);
}

function linearTicks(d3: { domain(): number[]; (value: number): number | undefined }, axis: Axis, count: number): Tick[] {
  const [low = 0, high = 1] = d3.domain();
  const { factor, text } = prefixOf(Math.max(Math.abs(low), Math.abs(high)), axis.unit ?? "");
  const scaled = scaleLinear().domain([low / factor, high / factor]);
  const values = scaled.ticks(count).filter((value) => !axis.whole || Number.isInteger(value * factor));
  const size = Math.max(...values.map(Math.abs), 0);
  const format = size !== 0 && (size < 1e-3 || size >= 1e6) ? digits : scaled.tickFormat(count);
  return values.map((value) => ({
    at: d3(value * factor) ?? 0,
    label: value === 0 ? "0" : `${format(value)}${text}`,
  }));
}

/** All powers of ten have a number, if there is room, else every second, third …; between few powers 2 and 5 have one too. */
function logTicks(d3: ScaleLogarithmic<number, number>, axis: Axis, count: number): Tick[] {
  const [low = 1, high = 10] = d3.domain();
  const decades = Math.log10(high / low);
  const stride = Math.max(1, Math.ceil(decades / count));
  const named = (value: number): boolean => {
    const power = Math.floor(Math.log10(value) + 1e-9);
    const lead = Math.round(value / 10 ** power);
    if (lead === 1) return power % stride === 0;
    return decades <= count / 3 ? [2, 5].includes(lead) : decades < 0.5;
  };
  const values = stride > 1 ? powers(low, high) : d3.ticks(count * 4);
  return values.map((value) => ({ at: d3(value), label: named(value) ? quantity(value, axis.unit) : "" }));
}

function powers(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(Math.log10(high) + 1e-9) - first + 1) }, (_, i) => 10 ** (first + i));
}
