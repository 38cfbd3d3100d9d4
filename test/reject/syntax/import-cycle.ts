import { train } from "mlac";
// error syntax/import-cycle: files import each other in a circle: ../parts/first.ts → ../parts/second.ts → ../parts/first.ts
import { both } from "../parts/first.ts";
import { Model, settings } from "../parts/model.ts";

export default train(Model, { ...settings, steps: both });
