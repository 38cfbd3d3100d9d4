import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const seed = Math.floor(Math.random() * 1000); // error syntax/math: a model has no Math.random

export default train(Model, { ...settings, seed });
