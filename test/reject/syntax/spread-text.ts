import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const more = "clip" as unknown as { clip: number };

export default train(Model, { ...settings, ...more }); // error syntax/spread: only an object can be spread here; this is the string "clip"
