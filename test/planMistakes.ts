/** Mistakes in the training plan, and in --set. */
import type { Mistake } from "./lowerMistakes.js";

export const planMistakes: readonly Mistake[] = [
  // ---- the plan
  {
    what: "no plan",
    change: [["export default train(", "export const plan = train("]],
    slug: "syntax/no-plan",
    says: "the file says nothing about how to train a model",
    at: "",
  },
  {
    what: "a plan that is none",
    change: [["export default train(Model,", "export default Model; train(Model,"]],
    slug: "syntax/no-plan",
    says: "export default is a block",
    at: "export default Model;",
  },
  {
    what: "half a step",
    change: [["steps: 100", "steps: 100.5"]],
    slug: "plan/option",
    says: "train: steps must be a whole number from 1 up; it is 100.5",
    at: "100.5",
  },
  {
    what: "a negative rate",
    change: [["muon({ lr: 0.02 })", "muon({ lr: -0.02 })"]],
    slug: "plan/optimizer",
    says: "muon: lr must be a number above 0; it is -0.02",
    at: "-0.02",
  },
  {
    what: "betas that are none",
    change: [["[0.9, 0.99]", "[0.9, 1]"]],
    slug: "plan/optimizer",
    says: "adamw: betas must be two numbers from 0 to 1, 1 left out",
    at: "[0.9, 1]",
  },
  {
    what: "a path that nothing has",
    change: [["layers.*.attn.out", "layers.*.attn.outt"]],
    slug: "plan/no-parameter",
    says: "no parameter has a path like layers.*.attn.outt",
    at: "adamw({ lr: 1e-3, betas: [0.9, 0.99] })",
  },
  {
    what: "two paths for one parameter",
    change: [['"layers.*.attn.out":', '"layers.attn.*": adamw({ lr: 1 }), "layers.*.attn.out":']],
    slug: "plan/two-groups",
    says: "layers.attn.out is in two groups, layers.attn.* and layers.*.attn.out",
    at: "adamw({ lr: 1e-3, betas: [0.9, 0.99] })",
  },
  {
    what: "muon for a gain",
    change: [['"layers.*.attn.out": adamw({ lr: 1e-3, betas: [0.9, 0.99] })', '"layers.attnNorm": muon({ lr: 1 })']],
    slug: "plan/muon-not-a-matrix",
    says: "muon moves matrices; layers.attnNorm [layers D] is a gain",
    at: "muon({ lr: 1 })",
  },
  {
    what: "nothing for a kind",
    change: [["router: adamw({ lr: 3e-4 }),", "...({} as { router: ReturnType<typeof adamw> }),"]],
    slug: "plan/no-group",
    says: "nothing moves layers.moe.router: the optimizer says nothing of its kind, router",
    at: "OPTIMIZER",
  },
  {
    what: "a schedule longer than the training",
    change: [["warmup: 0.1", "warmup: 101"]],
    slug: "plan/schedule",
    says: "cosine: warmup takes 101 steps; the training has 100",
    at: "cosine({ warmup: 101 })",
  },
  {
    what: "a warm-up of two and a half steps",
    change: [["warmup: 0.1", "warmup: 2.5"]],
    slug: "plan/schedule",
    says: "cosine: warmup must be a whole number from 1 up; it is 2.5",
    at: "2.5",
  },
  {
    what: "no batches",
    change: [["batches: 4", "batches: 0"]],
    slug: "plan/option",
    says: "train: evaluate: batches must be a whole number from 1 up; it is 0",
    at: "0",
  },

  // ---- --set
  {
    what: "an unknown name",
    change: [],
    set: { DD: "8" },
    slug: "use/set",
    says: "--set DD: the model has no constant or size of that name",
    at: "",
  },
  {
    what: "a text for a number",
    change: [],
    set: { D: "wide" },
    slug: "use/set",
    says: "--set D=wide: D is a number in the model",
    at: "16",
  },
];
