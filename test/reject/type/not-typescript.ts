import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const steps = 10 percent; // error type/TS1005: ',' expected

export default train(Model, { ...settings, steps });
