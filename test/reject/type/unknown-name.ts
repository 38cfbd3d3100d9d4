import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, { ...settings, steps: total }); // error type/TS2304: Cannot find name 'total'
