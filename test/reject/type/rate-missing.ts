import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, weight: muon({}) }, // error type/TS2345: muon: lr is missing
});
