import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: muon({ lr: 0.02, weightDecay: -0.1 }) }, // error plan/optimizer: muon: weightDecay must be a number from 0 up; it is -0.1
});
