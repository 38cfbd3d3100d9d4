/**
 * The binding of runtime/native/mlac.h: one method a function, each off the event loop, so that signals, progress and data
 * loading go on while a step runs. Failures become run/* diagnostics with the library's own sentence.
 */
import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { fail } from "../compiler/diagnostics.js";
import type { Target } from "../compiler/target.js";
import { cudaPrototypes, measurePrototypes, prototypes, ranksPrototypes } from "./prototypes.js";
import { chooseWaiting } from "./waiting.js";

/** Memory that a call reads or fills; it must not be touched until the call is done. */
export type Bytes = Uint8Array | Int32Array | Float32Array | Float64Array;

/** koffi lends native code a stack of its own, 128 KiB by default; kernels keep their tiles on it. */
const stackBytes = 8 * 1024 * 1024;

koffi.config({ sync_stack_size: stackBytes, async_stack_size: stackBytes, resident_async_pools: 1 });

koffi.struct("mlac_place", {
  rank: "int32_t",
  size: "int32_t",
  id: koffi.array("uint8_t", 128),
  bounds: "const int64_t *",
  bounds_count: "int64_t",
  timeout_seconds: "double",
});

type Name = keyof typeof prototypes | keyof typeof ranksPrototypes | keyof typeof measurePrototypes | keyof typeof cudaPrototypes;
/** Those that do not answer whether they failed. */
type Asked = "open" | "openRank" | "ranksId" | "where" | "abort" | "close" | "lastError" | "firstNotFinite" | "device" | "cublasLt";
export type NativeFunction = ReturnType<LibraryHandle["func"]>;
type Functions = Partial<Record<Name, NativeFunction>>;
type Argument = bigint | number | string | null | object | Bytes;

/** Which of the processes that train together this one is: mlac_place of runtime/native/ranks.h. */
export interface Place {
  rank: number;
  size: number;
  /** What `ranksId` gave to rank 0: 128 bytes. */
  id: Uint8Array;
  bounds: BigInt64Array;
  /** Seconds that a call waits for other ranks. */
  timeout: number;
}

export class Native {
  readonly #functions: Functions;
  #session: bigint | undefined;
  /** Calls on one session must not overlap: each waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(functions: Functions) {
    this.#functions = functions;
  }

  /** Errors: run/load (not a library that mlac built), run/memory, run/gpu. threads 0: one a processor; a GPU does not ask. */
  static async open(library: string, threads: number, target: Target = "cpu", place?: Place): Promise<Native> {
    if (target === "cpu") await chooseWaiting();
    const native = new Native(loadSession(library, target));
    const session = (await (place ? native.#call("openRank", threads, structOf(place)) : native.#call("open", threads))) as bigint | null;
    if (!session) {
      const why = (await native.#call("lastError", null)) as string | null;
      if (place && !/memory/i.test(why ?? ""))
        fail("run/ranks", why ?? `rank ${place.rank} of ${place.size} could not be opened`, {
          help: "all ranks have to start the same build, with the same number of ranks, within the timeout",
        });
      if (target === "cuda" && !/memory/i.test(why ?? ""))
        fail("run/gpu", why ?? "the GPU could not be opened", {
          help: "`mlac doctor` says what is there; --target cpu trains on the processor",
        });
      fail("run/memory", why ?? "the model could not be opened", {
        help: "`mlac plan` says what the model needs; a smaller B or T needs less",
      });
    }
    native.#session = session as bigint;
    return native;
  }

  /** Who belongs together: rank 0 asks, and tells the others. Errors: run/load, run/ranks. */
  static async ranksId(library: string, target: Target): Promise<Uint8Array> {
    const native = new Native(loadSession(library, target));
    const id = new Uint8Array(128);
    if ((await native.#call("ranksId", id)) === 0) return id;
    return fail("run/ranks", ((await native.#call("lastError", null)) as string | null) ?? "the ranks have no way to find each other");
  }

  /** The collective, its number, what it waits for, the part of the step, with tabs between. Answers at once, also while a call runs. */
  where(): string {
    const text = new Uint8Array(1024);
    this.#function("where")(this.#opened(), text, BigInt(text.length));
    return Buffer.from(text.subarray(0, text.indexOf(0))).toString();
  }

  /** Calls that wait for other ranks give up. Answers at once. */
  abort(): void {
    if (this.#session !== undefined) this.#function("abort")(this.#session);
  }

  /** When all calls have come back, whatever they gave, and nobody has made another because of that. */
  async idle(): Promise<void> {
    for (let last: unknown; last !== this.#last; await new Promise((done) => setImmediate(done))) {
      last = this.#last;
      await last;
    }
  }

  /** Waits for the call in progress. Closing twice does nothing. */
  async close(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    await this.#call("close", session);
  }

  /** Calls a function that answers 0 on success. */
  async run(name: Exclude<Name, Asked>, ...given: Argument[]): Promise<void> {
    const session = this.#opened();
    if ((await this.#call(name, session, ...given)) === 0) return;
    const why = (await this.#call("lastError", session)) as string | null;
    fail("run/failed", why ?? `the built model failed in ${name} without saying why`);
  }

  async firstNotFinite(): Promise<string | undefined> {
    return ((await this.#call("firstNotFinite", this.#opened())) as string | null) ?? undefined;
  }

  /** The GPU's name: "NVIDIA H200". */
  async device(): Promise<string> {
    return (await this.#call("device", this.#opened())) as string;
  }

  /** The version of cuBLASLt, 130002 for 13.0.2, or 0. */
  async cublasLt(): Promise<number> {
    return Number(await this.#call("cublasLt", this.#opened()));
  }

  /** The lines that mlac_tune writes. */
  tune(tokens: Int32Array, targets: Int32Array, rounds: number): Promise<string> {
    return this.#text("tune", tokens, targets, rounds);
  }

  /** The lines that mlac_profile writes. */
  profile(rounds: number): Promise<string> {
    return this.#text("profile", rounds);
  }

  async #text(name: "tune" | "profile", ...given: Argument[]): Promise<string> {
    const text = new Uint8Array(1 << 18);
    await this.run(name, ...given, text, BigInt(text.length));
    return Buffer.from(text.subarray(0, text.indexOf(0))).toString();
  }

  async setChoices(text: string): Promise<void> {
    await this.run("setChoices", text);
  }

  #function(name: Name): NativeFunction {
    const missing = { help: "build it again with `mlac build`" };
    return this.#functions[name] ?? fail("run/load", `the built model does not export what ${name} needs`, missing);
  }

  #opened(): bigint {
    return this.#session ?? fail("run/closed", "the model was used after it was closed");
  }

  #call(name: Name, ...given: Argument[]): Promise<unknown> {
    const result = this.#last.then(
      () =>
        new Promise((settle, refuse) => {
          this.#function(name).async(...given, (error: unknown, value: unknown) => (error ? refuse(error) : settle(value)));
        }),
    );
    this.#last = result.catch(() => undefined);
    return result;
  }
}

const structOf = ({ rank, size, id, bounds, timeout }: Place): object => ({
  rank,
  size,
  id: [...id],
  bounds,
  bounds_count: BigInt(bounds.length),
  timeout_seconds: timeout,
});

/** Nothing, where a library does not export it. */
function optional(handle: LibraryHandle, name: string, text: string): [string, NativeFunction][] {
  try {
    return [[name, handle.func(text)]];
  } catch {
    return [];
  }
}

/** Those of a model that trains. Errors: run/load. */
function loadSession(library: string, target: Target): Functions {
  const wanted: Partial<Record<Name, string>> = { ...prototypes, ...(target === "cuda" ? cudaPrototypes : {}) };
  return loadFunctions(library, wanted, { ...ranksPrototypes, ...measurePrototypes });
}

const loaded = new Map<string, number>();

/** The functions of a built model by their names here; those of `maybe` where it exports them. Errors: run/load. */
export function loadFunctions<N extends string>(
  built: string,
  wanted: Readonly<Partial<Record<N, string>>>,
  maybe: Readonly<Record<string, string>> = {},
): Partial<Record<N, NativeFunction>> {
  const library = resolve(built);
  let folder: string | undefined;
  try {
    const file = statSync(library).ino;
    const known = loaded.get(library);
    loaded.set(library, file);
    let path = library;
    if (known !== undefined && known !== file) {
      // The dynamic linker goes by name first and would give the library that was here before: another name helps.
      folder = mkdtempSync(join(tmpdir(), "mlac-model-"));
      path = join(folder, "model.so");
      symlinkSync(library, path);
    }
    const handle = koffi.load(path);
    const found = Object.entries<string>(wanted as Record<N, string>).map(([name, text]) => [name, handle.func(text)] as const);
    const more = Object.entries(maybe).flatMap(([name, text]) => optional(handle, name, text));
    return Object.fromEntries([...found, ...more]) as Partial<Record<N, NativeFunction>>;
  } catch (error) {
    return fail("run/load", `${library} cannot be loaded: ${(error as Error).message}`, {
      help: "build it again with `mlac build`; if it was copied from another machine, its processor or its libraries may differ",
    });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
