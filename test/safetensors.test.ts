import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MlacError } from "../compiler/diagnostics.js";
import { realDisk } from "../runtime/durable.js";
import { Random } from "../runtime/random.js";
import { openSafetensors, type TensorInfo, toNumbers, writeSafetensors } from "../runtime/safetensors.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("safetensors");
const folder = temporaryFolder();

/** A file by hand: the header's text as it is, then the data. */
function file(header: string | Uint8Array, data: Uint8Array = new Uint8Array(), length?: number): string {
  const text = Buffer.from(header as string);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? text.byteLength));
  const path = join(folder, "hand.safetensors");
  writeFileSync(path, Buffer.concat([size, text, data]));
  return path;
}

const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => i);
const f32 = (shape: string, begin: number, end: number): string => `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

test("reads a file that another program wrote", () => {
  const data = new Uint8Array(Float32Array.of(1.5, -2, 3, 4, 5, 6).buffer);
  const path = file(`{"__metadata__":{"format":"pt"},"b":${f32("[2]", 16, 24)},"a":${f32("[2,2]", 0, 16)}}   `, data);
  const tensors = openSafetensors(path);
  assert.equal([...tensors.tensors.keys()], ["b", "a"]);
  assert.equal(tensors.tensors.get("a")?.shape, [2, 2]);
  assert.equal([...tensors.numbers("a")], [1.5, -2, 3, 4]);
  assert.equal([...tensors.numbers("b")], [5, 6]);
  assert.is(tensors.metadata.get("format"), "pt");
  tensors.close();
});

test("reads scalars, empty tensors and escaped names", () => {
  const path = file(`{"scalar":${f32("[]", 0, 4)},"e\\u006dpty":${f32("[0,7]", 4, 4)},"__proto__":${f32("[1]", 4, 8)}}`, bytes(8));
  const tensors = openSafetensors(path);
  assert.equal([...tensors.tensors.keys()], ["scalar", "empty", "__proto__"]);
  assert.is(tensors.read("empty").byteLength, 0);
  assert.equal([...tensors.read("__proto__")], [4, 5, 6, 7]);
  tensors.close();
});

test("turns every kind of element into numbers", () => {
  const of = (...list: number[]): Uint8Array => Uint8Array.from(list);
  assert.equal([...toNumbers("BF16", of(0x80, 0x3f, 0x20, 0xc0))], [1, -2.5]);
  assert.equal([...toNumbers("F16", of(0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc))], [1, 2 ** -24, -Infinity]);
  assert.equal([...toNumbers("I64", of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))], [-2]);
  assert.equal([...toNumbers("U16", of(0xff, 0xff))], [65535]);
  assert.equal([...toNumbers("F64", new Uint8Array(Float64Array.of(Math.PI).buffer))], [Math.PI]);
});

const entry = f32("[1]", 0, 4);
const rejected: [what: string, header: string | Uint8Array, dataBytes: number, sentence: string | RegExp][] = [
  ["a key twice", `{"a":${entry},"a":${entry}}`, 4, `"a" is there twice`],
  ["a key twice, once escaped", `{"a":${entry},"\\u0061":${entry}}`, 4, `"a" is there twice`],
  ["a field twice", `{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4, `"dtype" is there twice`],
  ["another start", ` {"a":${entry}}`, 4, "does not start with {"],
  ["a list", "[]", 0, "does not start with {"],
  ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22), 0, "not UTF-8"],
  ["text after the object", `{"a":${entry}}x`, 4, 'unexpected "x"'],
  ["an early end", `{"a":${entry}`, 4, "ends too early"],
  ["a trailing comma", `{"a":${entry},}`, 4, "unexpected"],
  ["a comment", `{/**/"a":${entry}}`, 4, "unexpected"],
  ["an unknown dtype", `{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4, 'unknown dtype "F31"'],
  ["a dtype off the prototype", `{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}}`, 4, "unknown dtype"],
  ["no shape", `{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4, "shape"],
  ["no offsets", `{"a":{"dtype":"F32","shape":[1]}}`, 4, "data_offsets"],
  ["three offsets", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4, "data_offsets"],
  ["an unknown field", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4, `unknown field "x"`],
  ["a negative size", `{"a":${f32("[-1]", 0, 4)}}`, 4, "unexpected"],
  ["a fraction", `{"a":${f32("[1.0]", 0, 4)}}`, 4, "unexpected"],
  ["an exponent", `{"a":${f32("[1e0]", 0, 4)}}`, 4, "unexpected"],
  ["a leading zero", `{"a":${f32("[01]", 0, 4)}}`, 4, "unexpected"],
  ["a size beyond 2^53", `{"a":${f32("[9007199254740993]", 0, 4)}}`, 4, "too large"],
  ["a product beyond 2^53", `{"a":${f32("[4294967296,4294967296]", 0, 4)}}`, 4, "too large"],
  ["a product beyond 2^53 and a zero", `{"a":${f32("[4294967296,4294967296,0]", 0, 0)}}`, 0, "too large"],
  ["sizes against offsets", `{"a":${f32("[2]", 0, 4)}}`, 4, "8 bytes, but its data_offsets hold 4"],
  ["offsets backwards", `{"a":${f32("[1]", 4, 0)}}`, 4, "hold -4"],
  ["a hole", `{"a":${entry},"b":${f32("[1]", 8, 12)}}`, 12, `"b" starts at byte 8`],
  ["an overlap", `{"a":${entry},"b":${f32("[1]", 2, 6)}}`, 6, `"b" starts at byte 2`],
  ["two in one place", `{"a":${entry},"b":${entry}}`, 4, "starts at byte 0"],
  ["a start after the first byte", `{"a":${f32("[1]", 4, 8)}}`, 8, "starts at byte 4"],
  ["a tail", `{"a":${entry}}`, 5, "the tensors take 4 bytes; the file has 5"],
  ["missing data", `{"a":${entry}}`, 3, "the tensors take 4 bytes; the file has 3"],
  ["a control character in a name", `{"a\\u001b":${entry}}`, 4, "control characters"],
  ["half a surrogate pair in a name", `{"a\\ud800":${entry}}`, 4, "surrogate"],
  ["a long name", `{"${"a".repeat(513)}":${entry}}`, 4, "longer than 512 bytes"],
  ["metadata of numbers", `{"__metadata__":{"a":1}}`, 0, `the metadata "a" is not a string`],
  ["metadata as text", `{"__metadata__":"a"}`, 0, "__metadata__ is not an object"],
  ["long metadata", `{"__metadata__":{"a":"${"a".repeat(1_000_001)}"}}`, 0, "longer than 1 MB"],
  ["deep nesting", `{"a":${"[".repeat(10_000)}`, 0, "nested too deeply"],
];

for (const [what, header, dataBytes, sentence] of rejected)
  test(`refuses ${what}`, () => failsWith(() => openSafetensors(file(header, bytes(dataBytes))), "data/safetensors", sentence));

test("refuses a header longer than the file or than 100 MB, before taking memory for it", async () => {
  await failsWith(() => openSafetensors(file("{}", bytes(0), 3)), "data/safetensors", "claims 3 bytes; the file has 2");
  await failsWith(() => openSafetensors(file("{}", bytes(0), 100_000_001)), "data/safetensors", "at most 100000000");
  const path = file("{}");
  const whole = readFileSync(path);
  whole.fill(0xff, 0, 8);
  writeFileSync(path, whole);
  await failsWith(() => openSafetensors(path), "data/safetensors", "claims 18446744073709552000 bytes");
});

test("says so when there is no file or no such tensor", async () => {
  await failsWith(() => openSafetensors(join(folder, "none")), "data/safetensors", "there is no such file");
  const tensors = openSafetensors(file(`{"a":${entry}}`, bytes(4)));
  await failsWith(() => tensors.read("b"), "data/tensor", `has no tensor "b"`);
  tensors.close();
});

const infos: TensorInfo[] = [
  { name: "load", dtype: "I32", shape: [3] },
  { name: "layers.0.attn.q", dtype: "F32", shape: [2, 3] },
  { name: "head", dtype: "F64", shape: [2] },
  { name: "7", dtype: "U16", shape: [1] },
  { name: "nothing", dtype: "BF16", shape: [0] },
];
const contents = new Map(infos.map(({ name }, i) => [name, bytes([12, 24, 16, 2, 0][i] ?? 0).map((byte) => byte * 7 + i)]));
const read = (name: string): Uint8Array => contents.get(name) ?? new Uint8Array();

test("what is written is read again, aligned, with the hash it was said to have", async () => {
  const path = join(folder, "written.safetensors");
  const { bytes: size, sha256 } = await writeSafetensors(path, infos, read, { metadata: { format: "mlac" } });
  const whole = readFileSync(path);
  assert.is(whole.byteLength, size);
  const { createHash } = await import("node:crypto");
  assert.is(createHash("sha256").update(whole).digest("hex"), sha256);
  const tensors = openSafetensors(path);
  const header = Number(whole.readBigUInt64LE(0));
  for (const { name, dtype, shape } of infos) {
    const found = tensors.tensors.get(name);
    assert.equal([found?.dtype, found?.shape], [dtype, shape]);
    assert.equal(tensors.read(name), read(name), name);
    const width = { F64: 8, F32: 4, I32: 4, U16: 2, BF16: 2 }[dtype as "F64"];
    assert.is((8 + header + (found?.begin ?? 0)) % width, 0, `${name} is not aligned`);
  }
  assert.is(tensors.metadata.get("format"), "mlac");
  tensors.close();
  assert.equal(JSON.parse(whole.subarray(8, 8 + header).toString()).head.data_offsets, [0, 16]);
});

test("a full disk leaves the old file, and nothing else", async () => {
  const own = temporaryFolder();
  const path = join(own, "a.safetensors");
  await writeSafetensors(path, infos, read);
  const before = readFileSync(path);
  // The kernel's own ENOSPC.
  const full = { ...realDisk, open: () => open("/dev/full", "w") } as typeof realDisk;
  let code: string | undefined;
  await writeSafetensors(path, infos, read, { disk: full }).catch((error: { code?: string }) => {
    code = error.code;
  });
  assert.is(code, "ENOSPC");
  assert.equal(readFileSync(path), before);
  assert.equal(readdirSync(own), ["a.safetensors"]);
});

test("a disk that takes a part of each write gets the rest of it", async () => {
  const own = temporaryFolder();
  const disk = {
    ...realDisk,
    open: async (path: string, flags: string) => {
      const file = await open(path, flags);
      const write = file.write.bind(file) as (data: Uint8Array, from: number, count: number) => Promise<unknown>;
      return Object.assign(file, { write: (data: Uint8Array, from: number, count: number) => write(data, from, Math.ceil(count / 3)) });
    },
  } as typeof realDisk;
  await writeSafetensors(join(own, "a"), infos, read, { disk });
  await writeSafetensors(join(own, "b"), infos, read);
  assert.equal(readFileSync(join(own, "a")), readFileSync(join(own, "b")));
});

test("a file that cannot be put in place leaves nothing", async () => {
  const own = temporaryFolder();
  const disk = { ...realDisk, rename: () => Promise.reject(Object.assign(new Error(), { code: "EACCES" })) };
  let code: string | undefined;
  await writeSafetensors(join(own, "a"), infos, read, { disk }).catch((error: { code?: string }) => {
    code = error.code;
  });
  assert.is(code, "EACCES");
  assert.equal(readdirSync(own), []);
});

test("a changed byte anywhere in the header gives an error of mlac's or a file that makes sense, never a crash", async () => {
  const path = join(folder, "mutant.safetensors");
  await writeSafetensors(path, infos, read);
  const good = readFileSync(path);
  const random = new Random(7);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const mutant = Buffer.from(good);
    const header = 8 + Number(good.readBigUInt64LE(0));
    for (let change = random.bits() % 3; change >= 0; change--) mutant[random.bits() % header] = random.bits() % 256;
    writeFileSync(path, mutant.subarray(0, i % 5 === 0 ? random.bits() % mutant.byteLength : mutant.byteLength));
    try {
      const tensors = openSafetensors(path);
      const total = [...tensors.tensors.keys()].reduce((sum, name) => sum + tensors.read(name).byteLength, 0);
      tensors.close();
      assert.is(total, 54, "the tensors cover the data");
    } catch (error) {
      assert.instance(error, MlacError, String((error as Error).stack));
      refused++;
    }
  }
  assert.ok(refused > 2500, `${refused} of 3000 refused`);
});

test.run();
