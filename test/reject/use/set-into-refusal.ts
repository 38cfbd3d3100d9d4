// options: --set steps=0
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const steps = 20;

// error plan/option: train: steps must be a whole number from 1 up; it is 0
export default train(Model, { ...settings, steps });
