/** `mlac train` on several ranks: the process that starts them (-n), and each of them. */
import type { Place } from "../../runtime/ranks/environment.js";
import type { Overrides } from "../../runtime/settings.js";
import type { Outcome } from "../../runtime/train.js";
import type { Built } from "../build.js";
import { type ExitCode, fail, MlacError } from "../diagnostics.js";
import { note } from "./command.js";
import { prepareTraining } from "./prepareTraining.js";
import { tell, understand } from "./run.js";
import { finish, type TrainCommandOptions } from "./train.js";

interface Asked {
  model: string | undefined;
  options: TrainCommandOptions;
  given: (name: keyof TrainCommandOptions) => boolean;
}

/** Builds, so that the ranks find the build in place; then starts them. Errors: use/ranks, tool/mpi, and what the ranks report. */
export async function startRanks({
  model,
  options,
  given,
  place,
  ranks,
  argv,
}: Asked & { place: Place | undefined; ranks: number; argv: string[] }): Promise<void> {
  if (place !== undefined)
    fail(
      "use/ranks",
      `-n ${ranks} starts ranks, and this is one already: rank ${place.rank} of ${place.size}, started by ${place.launcher}`,
      {
        help: `leave out -n, or ${place.launcher}`,
      },
    );
  const { shareWork } = await import("../../runtime/ranks/share.js");
  const { settingsOf } = await import("../../runtime/settings.js");
  const { built, recipe, folder, from, training } = await prepareTraining(model, options, given, { say: note });
  const overrides = options.accumulate === undefined ? {} : { accumulate: options.accumulate };
  shareWork(settingsOf(built.manifest.plan, training(overrides).overrides).accumulate, ranks);
  await buildCollectives(built);
  const { launch } = await import("../../runtime/ranks/launch.js");
  const { Progress } = await import("../../runtime/progress.js");
  const { version } = await import("../package.js");
  const { code, diagnostics, outcome } = await launch({
    ranks,
    target: recipe.target,
    // What was decided here is decided for all.
    argv: [...withoutRanks(argv), "--target", recipe.target, "--run", from?.path ?? folder],
    timeout: options.timeout,
    mlac: version,
    show: await Progress.on(),
  });
  if (diagnostics.length > 0) throw new MlacError(diagnostics, code as ExitCode);
  if (outcome === undefined || outcome === null) process.exitCode = code;
  else await finish(options, outcome as Outcome);
}

/** One rank, whoever started it. */
export async function trainAsRank({
  model,
  options,
  given,
  overrides,
  place,
}: Asked & { overrides: Overrides; place: Place }): Promise<void> {
  const { runRank } = await import("../../runtime/ranks/runRank.js");
  const { version } = await import("../package.js");
  const outcome = await runRank(
    place,
    {
      mlac: version,
      timeout: options.timeout,
      diagnose: (error) => understand(error, process.argv),
      report: (diagnostics) => tell(diagnostics, options.json === true),
    },
    async (group, show) => {
      const { requireMpi } = await import("../../runtime/ranks/share.js");
      const prepared = await prepareTraining(model, options, given, {
        say: (text) => show.note(text),
        quiet: !group.leads || place.served,
        hashed: place.served,
        inTurn: (build) =>
          group.inTurns("building", async () => {
            const built = await build();
            await buildCollectives(built);
            return built;
          }),
      });
      if (prepared.recipe.target === "cpu") requireMpi(place);
      const { train } = await import("../../runtime/train.js");
      const outcome = await train({ ...prepared.training(overrides), progress: show, group });
      if (group.leads && !place.served) await finish(options, outcome);
      return outcome;
    },
  );
  const { exitCodeOf } = await import("../../runtime/signals.js");
  if (outcome.signal) process.exitCode = exitCodeOf(outcome.signal);
}

/** Built before the ranks need it, by one of them. Errors: tool/mpi. */
async function buildCollectives({ manifest, directory }: Built): Promise<void> {
  if (manifest.target !== "cpu") return;
  const { collectivesLibrary } = await import("../emit/mpi.js");
  await collectivesLibrary(directory);
}

/** The command line without -n. */
function withoutRanks(argv: readonly string[]): string[] {
  return argv.filter((word, i) => {
    const before = argv[i - 1];
    if (before === "-n" || before === "--ranks") return false;
    return !/^(-n\d*|--ranks(=.*)?)$/.test(word);
  });
}
