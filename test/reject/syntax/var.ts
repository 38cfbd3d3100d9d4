import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

var steps = 20; // error syntax/var: a variable is declared by const, or by let if it changes

export default train(Model, { ...settings, steps });
