/** What a failing compiler's answer means, in sentences. */
import { writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type Frame, fail, MlacError } from "../diagnostics.js";
import type { Compiler } from "./compiler.js";

export interface Refusal {
  compiler: Compiler;
  /** The file a message is about. */
  subject: string;
  command: readonly string[];
  stderr: string;
  signal?: string | undefined;
  /** Where the command and the whole answer are kept. */
  log: string;
  /** From where the compiler's answer names files. */
  folder: string;
}

/** Fails with tool/disk, tool/killed, tool/host (nvcc and g++ do not fit) or, where the code itself was refused, tool/failed. */
export async function refuse({ compiler, subject, command, stderr, signal, log, folder }: Refusal): Promise<never> {
  const said = stderr.trim();
  if (/No space left on device|Disk quota exceeded/i.test(said)) return diskFull(subject);
  if (signal || /Killed signal|out of memory|Cannot allocate memory|virtual memory exhausted/i.test(said)) {
    const how = signal ? ` (${signal})` : "";
    return fail("tool/killed", `${compiler.name} was stopped at ${basename(subject)}${how}: most likely the machine ran out of memory`, {
      help: "free some memory and build again: what is compiled already is kept",
    });
  }
  const [, unfit] = /#error -- (unsupported .*?(?:version|compiler)!.*?)(?: The nvcc flag|$)/m.exec(said) ?? [];
  if (unfit !== undefined)
    return fail("tool/host", `nvcc does not work with this machine's C++ compiler: ${unfit}`, {
      help: `install the one that it says and set CXX to it (CXX=g++-13), or take a newer CUDA toolkit; it is ${compiler.version}`,
    });
  const kept = await writeFile(log, `${command.map(quote).join(" ")}\n\n${said}\n`).then(
    () => true,
    () => false,
  );
  const where = kept ? `the code is ${subject}, the command and the whole answer are in ${log}` : `the code is ${subject}`;
  const shown = frames(said, folder);
  const language = compiler.kind === "nvcc" ? "CUDA C++" : "C++";
  const lines = [
    `${compiler.name} refused the ${language} that mlac wrote: ${basename(subject)}`,
    ...(shown.length > 0 ? [] : firstErrors(said)),
  ];
  return fail("tool/failed", lines.join("\n"), {
    frames: shown,
    help: `this is mlac's fault, not your model's: please report it. ${where[0]?.toUpperCase()}${where.slice(1)}.\nThe compiler is ${compiler.version}; ${compiler.kind === "nvcc" ? "NVCC and CXX choose others" : "CXX chooses another"}.`,
  });
}

/** Does a write; a full or read-only disk becomes a sentence. */
export async function onDisk<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof MlacError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOSPC" || code === "EDQUOT") return diskFull(path);
    return fail("tool/disk", `cannot write ${path}: ${(error as Error).message}`, { help: "choose another folder with --out" });
  }
}

function diskFull(path: string): never {
  return fail("tool/disk", `the disk is full: ${path} could not be written`, {
    help: `free some space on the disk of ${dirname(path)} or of the temporary folder (TMPDIR), or build elsewhere with --out`,
  });
}

function firstErrors(said: string): string[] {
  const lines = said.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => /\berror\b|undefined reference|multiple definition|cannot find/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 3);
}

/** `file:line:column: error: …` of g++ and clang++, or `file(line): error: …` of nvcc: the first one. */
function frames(said: string, folder: string): Frame[] {
  const [, name = "", line = "", column = "1", label = ""] =
    /^([^\s:()][^:\n]*?)(?::(\d+):(\d+)): (?:fatal )?error: (.*)$/m.exec(said) ??
    /^([^\s:()][^:\n]*?)\((\d+)\)(): (?:catastrophic )?error(?: #[\w-]+)?: (.*)$/m.exec(said) ??
    [];
  if (name === "" || /^tmpxft_/.test(basename(name))) return [];
  const at = Number(column) || 1;
  return [{ span: { file: resolve(folder, name), line: Number(line), column: at, endLine: Number(line), endColumn: at + 1 }, label }];
}

/** For a person to paste into a shell. */
const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
