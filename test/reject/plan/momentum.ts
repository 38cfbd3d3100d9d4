import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: muon({ lr: 0.02, momentum: 1.5 }) }, // error plan/optimizer: muon: momentum must be a number from 0 to 1, 1 left out; it is 1.5
});
