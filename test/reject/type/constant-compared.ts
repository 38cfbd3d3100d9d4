import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const kind = "swiglu";
export const wide = kind === "gelu"; // error type/TS2367: This comparison appears to be unintentional

export default train(Model, settings);
