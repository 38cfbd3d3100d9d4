/** What the assembler (`-Xptxas -v`) says that each kernel takes; the toolchain keeps it beside each object as <object>.ptxas.txt. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface KernelResources {
  /** For people: attention_forward<64, 1>; a device function that was not inlined has an entry of its own. */
  kernel: string;
  /** As the object has it. */
  symbol: string;
  /** sm_90a */
  architecture: string;
  /** A thread's; 0 for a function, whose registers are counted with the kernels that call it. */
  registers: number;
  /** A thread's, stored and loaded together. */
  spillBytes: number;
  stackBytes: number;
  /** Of a block, without what a launch adds. */
  sharedBytes: number;
}

/** The resources of every kernel in a log of `-Xptxas -v`, in its order. */
export function readResources(log: string): KernelResources[] {
  const found: KernelResources[] = [];
  let entry: KernelResources | undefined;
  let current: KernelResources | undefined;
  let architecture = "";
  const begin = (symbol: string): KernelResources => {
    const made = { kernel: readable(symbol), symbol, architecture, registers: 0, spillBytes: 0, stackBytes: 0, sharedBytes: 0 };
    found.push(made);
    return made;
  };
  for (const line of log.split("\n")) {
    const [, kernel, sm = ""] = /Compiling entry function '([^']+)' for '([^']+)'/.exec(line) ?? [];
    if (kernel !== undefined) {
      architecture = sm;
      entry = current = begin(kernel);
    }
    const [, subject] = /Function properties for (\S+)/.exec(line) ?? [];
    if (subject !== undefined) current = subject.replaceAll("'", "") === entry?.symbol ? entry : begin(subject.replaceAll("'", ""));
    const [, stack, stores, loads] = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line) ?? [];
    if (stack !== undefined && current) Object.assign(current, { stackBytes: Number(stack), spillBytes: Number(stores) + Number(loads) });
    const [, registers] = /Used (\d+) registers/.exec(line) ?? [];
    if (registers !== undefined && entry)
      Object.assign(entry, { registers: Number(registers), sharedBytes: Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0) });
  }
  return found;
}

/** The logs of a folder of objects, by the file's name without its hash; of those that `objects` names, where that is given. */
export async function resourcesOf(folder: string, objects?: readonly string[]): Promise<Map<string, KernelResources[]>> {
  const names = objects?.map((object) => `${object}.ptxas.txt`) ?? (await readdir(folder)).filter((name) => name.endsWith(".ptxas.txt"));
  const texts = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const));
  return new Map(texts.map(([name, text]) => [name.replace(/-[0-9a-f]{24}\.o\.ptxas\.txt$/, ""), readResources(text)]));
}

/** _ZN4mlac36_GLOBAL__N__31f2…1kILi64EEvPf is k<64>: the last name, and those of its template's arguments that are numbers or truth values. */
function readable(symbol: string): string {
  if (!symbol.startsWith("_Z")) return symbol;
  let rest = symbol.slice(2).replace(/^N/, "");
  let name = "";
  for (;;) {
    const [digits = ""] = /^\d+/.exec(rest) ?? [];
    if (digits === "") break;
    const length = Number(digits);
    name = rest.slice(digits.length, digits.length + length);
    rest = rest.slice(digits.length + length);
  }
  if (name === "") return symbol;
  const [, inner = ""] = /^I((?:L[a-z]n?\d+E)+)/.exec(rest) ?? [];
  const values = [...inner.matchAll(/L([a-z])(n?)(\d+)E/g)].map(([, type, minus, value]) =>
    type === "b" ? String(value === "1") : `${minus ? "-" : ""}${value}`,
  );
  return values.length > 0 ? `${name}<${values.join(", ")}>` : name;
}
