import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: muon({ lr: 0.02, steps: 0 }) }, // error plan/optimizer: muon: steps must be a whole number from 1 up; it is 0
});
