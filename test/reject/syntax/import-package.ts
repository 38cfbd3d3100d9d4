import { train } from "mlac";
import { chunk } from "lodash"; // error syntax/import: "lodash" is neither
import { Model, settings } from "../parts/model.ts";

export const parts = chunk([1, 2, 3], 2);

export default train(Model, settings);
