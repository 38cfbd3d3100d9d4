import { train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { weight: optimizer.weight } as unknown as typeof optimizer, // error plan/no-group: nothing moves embed: the optimizer says nothing of its kind, embedding
});
