import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const twice = (n: number) => 2 * n;
export const width = (twice(2), 4); // error syntax/comma: two expressions in one are hard to read

export default train(Model, settings);
