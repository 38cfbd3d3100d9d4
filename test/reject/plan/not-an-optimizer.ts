import { constant, type muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: constant() as unknown as ReturnType<typeof muon> }, // error plan/optimizer: what moves a parameter must be muon(…) or adamw(…); it is constant(…)
});
