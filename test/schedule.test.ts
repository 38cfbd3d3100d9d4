import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkSchedule, rateAt, type Schedule } from "../runtime/schedule.js";
import { failsWith } from "./temporary.js";

const test = suite("schedule");
const rates = (schedule: Schedule, steps: number): number[] =>
  Array.from({ length: steps }, (_, i) => Number(rateAt(schedule, i + 1, steps).toFixed(6)));

test("constant", () => {
  assert.equal(rates({ kind: "constant" }, 3), [1, 1, 1]);
  assert.equal(rates({ kind: "constant", warmup: 4 }, 6), [0.25, 0.5, 0.75, 1, 1, 1]);
  assert.equal(rates({ kind: "constant", warmup: 0.5 }, 4), [0.5, 1, 1, 1]);
  assert.equal(rates({ kind: "constant", warmup: 2 }, 2), [0.5, 1]);
});

test("cosine ends at its floor and passes the middle half-way", () => {
  assert.equal(rates({ kind: "cosine" }, 4), [0.853553, 0.5, 0.146447, 0]);
  assert.equal(rates({ kind: "cosine", warmup: 2, floor: 0.2 }, 6), [0.5, 1, 0.882843, 0.6, 0.317157, 0.2]);
});

test("wsd is flat until its last steps, which fall in a straight line", () => {
  assert.equal(rates({ kind: "wsd", decay: 4 }, 8), [1, 1, 1, 1, 0.75, 0.5, 0.25, 0]);
  assert.equal(rates({ kind: "wsd", warmup: 0.25, decay: 0.5, floor: 0.1 }, 8), [0.5, 1, 1, 1, 0.775, 0.55, 0.325, 0.1]);
});

test("a resumed run that goes past the last step stays there", () => {
  assert.is(rateAt({ kind: "wsd", decay: 2, floor: 0.1 }, 11, 10), 0.1);
  assert.is(rateAt({ kind: "constant", warmup: 5 }, 11, 10), 1);
});

test("all are between 0 and 1 and never fall before the decay", () => {
  for (const kind of ["constant", "cosine", "wsd"] as const)
    for (const warmup of [0, 1, 7, 0.3])
      for (const floor of [0, 0.1, 1]) {
        const all = rates({ kind, warmup, floor, decay: 0.2 }, 50);
        assert.ok(
          all.every((rate) => rate >= 0 && rate <= 1),
          `${kind} ${warmup} ${floor}: ${all}`,
        );
        const top = all.indexOf(Math.max(...all));
        assert.ok(
          all.every((rate, i) => i === 0 || (i <= top ? rate >= (all[i - 1] ?? 0) : rate <= (all[i - 1] ?? 0))),
          `${kind} has one top`,
        );
      }
});

test("what does not fit is refused", async () => {
  await failsWith(
    () => checkSchedule({ kind: "wsd", warmup: 60, decay: 50 }, 100),
    "plan/schedule",
    "take 110 steps; the training has 100",
  );
  await failsWith(() => checkSchedule({ kind: "wsd" }, 100), "plan/schedule", "wsd needs decay");
  await failsWith(() => checkSchedule({ kind: "cosine", warmup: 1.5 }, 100), "plan/schedule", "warmup is 1.5");
  await failsWith(() => checkSchedule({ kind: "cosine", warmup: -1 }, 100), "plan/schedule", "warmup is -1");
  await failsWith(() => checkSchedule({ kind: "cosine", floor: 2 }, 100), "plan/schedule", "floor is 2");
  checkSchedule({ kind: "wsd", warmup: 0.5, decay: 0.5 }, 100);
});

test.run();
