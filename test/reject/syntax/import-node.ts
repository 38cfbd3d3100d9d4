import { readFileSync } from "node:fs"; // error syntax/import: "node:fs" is neither
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const prompt = readFileSync("prompt.txt", "utf8");

export default train(Model, settings);
