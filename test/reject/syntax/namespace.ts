import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export namespace sizes { // error syntax/module: files are put together with import and export only
  export const width = 4;
}

export default train(Model, settings);
