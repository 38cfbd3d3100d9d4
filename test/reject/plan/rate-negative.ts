import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: muon({ lr: -0.02 }) }, // error plan/optimizer: muon: lr must be a number above 0; it is -0.02
});
