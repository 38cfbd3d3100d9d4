import { muon, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";



export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, gain: muon({ lr: 0.02 }) }, // error type/TS2322: Type 'Muon' is not assignable to type 'AdamW'
});
