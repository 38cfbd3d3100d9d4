/** Runs the program and turns whatever goes wrong into a report and an exit code: 1 the user's, 2 a tool's, 70 mlac's own. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { type Diagnostic, type ExitCode, MlacError } from "../diagnostics.js";
import { version } from "../package.js";
import { report, reportJson } from "../report.js";

/** Sets the process's exit code and never throws. */
export async function run(program: Command, argv: readonly string[]): Promise<void> {
  const json = argv.includes("--json");
  // `mlac plan | head`: a reader that has seen enough is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 70));
  process.stderr.on("error", () => undefined);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    const { diagnostics, code } = understand(error, argv);
    process.exitCode = code;
    tell(diagnostics, json);
  }
}

/** Diagnostics, for people on standard error or as JSON on standard output. */
export function tell(diagnostics: readonly Diagnostic[], json: boolean): void {
  if (diagnostics.length === 0) return;
  if (json) process.stdout.write(`${JSON.stringify(reportJson(diagnostics), undefined, 2)}\n`);
  else process.stderr.write(`${report(diagnostics)}\n`);
}

/** What an error is to the user, and with which code mlac leaves. */
export function understand(error: unknown, argv: readonly string[]): { diagnostics: readonly Diagnostic[]; code: ExitCode | 0 } {
  if (error instanceof MlacError) return { diagnostics: error.diagnostics, code: error.exitCode };
  if (error instanceof CommanderError) return usage(error, argv);
  return { diagnostics: [fault(error, argv)], code: 70 };
}

/** Help and version come as "errors" with exit code 0; the rest is a mistake on the command line. */
function usage(error: CommanderError, argv: readonly string[]): { diagnostics: readonly Diagnostic[]; code: 0 | 1 } {
  if (error.exitCode === 0) return { diagnostics: [], code: 0 };
  // The list of commands was printed already.
  if (error.code === "commander.help") return { diagnostics: [], code: 1 };
  const [, message = error.message, suggestion] = /^(?:error: )?([\s\S]*?)(?:\n\(Did you mean ([\s\S]*?)\?\))?$/.exec(error.message) ?? [];
  const words = argv.slice(2).filter((word) => !word.startsWith("-"));
  const command = hasOwnCommands(words) ? words.slice(0, 2).join(" ") : words[0];
  const more =
    error.code === "commander.unknownCommand" || command === undefined
      ? "`mlac --help` lists the commands"
      : `\`mlac ${command} --help\` lists the options`;
  const help = suggestion === undefined ? more : `did you mean ${suggestion}?`;
  const kind = error.code === "commander.unknownCommand" ? "command" : /option '/.test(message) ? "option" : "argument";
  return { diagnostics: [{ slug: `use/${kind}`, message, frames: [], help }], code: 1 };
}

/** Whether the second word is a command of the first. */
const hasOwnCommands = ([first, second = ""]: readonly string[]): boolean =>
  first === "data" || (first === "inspect" && /^(kernel|why|passes|memory|ops|diff)$/.test(second));

function fault(error: unknown, argv: readonly string[]): Diagnostic {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  const text = `mlac ${version}, node ${process.version}, ${process.platform} ${process.arch}\nmlac ${argv.slice(2).join(" ")}\n\n${stack}\n`;
  return {
    slug: "internal",
    message: `mlac itself failed: ${message.split("\n")[0]}`,
    frames: [],
    help: `this is mlac's fault, not your model's. Please report it with ${save(text)}`,
  };
}

function save(text: string): string {
  try {
    const file = join(mkdtempSync(join(tmpdir(), "mlac-fault-")), "fault.txt");
    writeFileSync(file, text);
    return `the file ${file}, which says where it happened.`;
  } catch {
    return `this, which could not be saved in a file:\n${text}`;
  }
}
