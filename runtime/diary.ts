/** What a run writes down as it goes: metrics, TensorBoard's events, the report. None of it is a reason to lose the run. */
import { sentenceOf } from "./checkpointManifest.js";
import { type EventsFile, openEvents } from "./events.js";
import { type Metrics, type MetricsFile, openMetrics } from "./metrics.js";
import { type RunFacts, writeFacts } from "./report/facts.js";
import type { RunPaths } from "./runs.js";
import type { Settings } from "./settings.js";

export interface DiaryOptions {
  paths: RunPaths;
  settings: Pick<Settings, "report" | "tensorboard">;
  facts: RunFacts;
  /** The step that comes next; metrics from there on are cut off. */
  first: number;
  note: (text: string) => void;
}

export class Diary {
  readonly #paths: RunPaths;
  readonly #metrics: MetricsFile;
  readonly #events: EventsFile | undefined;
  readonly #report: boolean;
  readonly #note: (text: string) => void;
  /** What has been complained of, and has not worked since. */
  readonly #failing = new Set<string>();
  #reported = false;

  private constructor({ paths, settings, note }: DiaryOptions, metrics: MetricsFile, events: EventsFile | undefined) {
    this.#paths = paths;
    this.#metrics = metrics;
    this.#events = events;
    this.#report = settings.report;
    this.#note = note;
  }

  /** Errors: run/metrics. */
  static async open(options: DiaryOptions): Promise<Diary> {
    const { paths, settings, facts, first } = options;
    const metrics = openMetrics(paths.metrics, first - 1);
    try {
      await writeFacts(paths.facts, facts);
      return new Diary(options, metrics, settings.tensorboard ? openEvents(paths.folder, first) : undefined);
    } catch (error) {
      metrics.close();
      throw error;
    }
  }

  /** Is there a report of this start? */
  get reported(): boolean {
    return this.#reported;
  }

  /** A full disk is told once, and lines go missing until there is room. */
  record(line: Metrics): void {
    this.#attempt("metrics", () => this.#metrics.add(line));
    this.#attempt("events", () => this.#events?.add(line));
  }

  /** Makes the metrics so far lasting; called before a checkpoint. */
  sync(): void {
    this.#metrics.sync();
  }

  /** Replaces the report by one of what there is now. */
  async report(): Promise<void> {
    if (!this.#report) return;
    try {
      const { writeReport } = await import("./report/write.js");
      await writeReport(this.#paths.folder);
      this.#reported = true;
      this.#failing.delete("report");
    } catch (error) {
      this.#complain("report", error);
    }
  }

  close(): void {
    this.#metrics.close();
    this.#events?.close();
  }

  #attempt(what: string, work: () => void): void {
    try {
      work();
      this.#failing.delete(what);
    } catch (error) {
      this.#complain(what, error);
    }
  }

  #complain(what: string, error: unknown): void {
    if (!this.#failing.has(what)) this.#note(`${sentenceOf(error)}; training goes on`);
    this.#failing.add(what);
  }
}
