/**
 * One record of a TensorBoard event file: a length, an Event in protocol buffers' encoding, and a checksum of each.
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
 */

export interface LoggedEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step?: number;
  /** A file's first event says "brain.Event:2" and nothing else. */
  version?: string;
  scalars?: readonly (readonly [tag: string, value: number])[];
  /** From `step` on the run begins anew: what earlier files have of these steps does not count. */
  restart?: boolean;
}

/** u64 length, its masked crc32c, the event, its masked crc32c. All little-endian. */
export function recordOf(event: LoggedEvent): Buffer {
  const data = encode(event);
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.byteLength));
  head.writeUInt32LE(masked(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(masked(data));
  return Buffer.concat([head, data, tail]);
}

function encode({ wallTime, step, version, scalars, restart }: LoggedEvent): Buffer {
  const parts = [double(1, wallTime)];
  if (step !== undefined) parts.push(integer(2, step));
  if (version !== undefined) parts.push(bytes(3, Buffer.from(version)));
  if (scalars !== undefined) parts.push(bytes(5, Buffer.concat(scalars.map(([tag, value]) => bytes(1, scalar(tag, value))))));
  if (restart) parts.push(bytes(7, integer(1, 1)));
  return Buffer.concat(parts);
}

const scalar = (tag: string, value: number): Buffer => Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)]);

/** A field's number and how it is written: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
const key = (field: number, wire: number): Buffer => varint(8 * field + wire);

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  return Buffer.from([...out, rest]);
}

const integer = (field: number, value: number): Buffer => Buffer.concat([key(field, 0), varint(value)]);
const bytes = (field: number, data: Buffer): Buffer => Buffer.concat([key(field, 2), varint(data.byteLength), data]);

function double(field: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), data]);
}

function float(field: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([key(field, 5), data]);
}

/** CRC-32C (Castagnoli), a byte at a time. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** Turned and shifted, so that the checksum of data that holds checksums stays a good one. */
function masked(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (table[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
