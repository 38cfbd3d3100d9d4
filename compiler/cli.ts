#!/usr/bin/env node
/** argv to a command. Commands load what they need when they run, so that this stays quick. */
import { Command } from "commander";
import bench from "./commands/bench.js";
import build from "./commands/build.js";
import check from "./commands/check.js";
import data from "./commands/data.js";
import doctor from "./commands/doctor.js";
import generate from "./commands/generate.js";
import init from "./commands/init.js";
import inspect from "./commands/inspect.js";
import plan from "./commands/plan.js";
import { run } from "./commands/run.js";
import train from "./commands/train.js";
import verify from "./commands/verify.js";
import { version } from "./package.js";

const program = new Command("mlac")
  .description("Compiles a transformer written in a typed TypeScript DSL into readable C++, and trains it.")
  .version(version, "-V, --version", "print mlac's version")
  .helpOption("-h, --help", "print what a command does, its options and an example")
  .helpCommand(false)
  // Options that stand behind a command are that command's; of inspect's own commands, too.
  .enablePositionalOptions()
  .showSuggestionAfterError(true)
  .exitOverride()
  .configureOutput({ outputError: () => undefined })
  .addHelpText("after", "\nExample:\n  mlac init my-model && cd my-model && mlac train model.ts");

for (const declare of [init, check, build, plan, train, generate, inspect, bench, verify, data, doctor]) declare(program);

await run(program, process.argv);
