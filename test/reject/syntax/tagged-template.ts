import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const text = (parts: TemplateStringsArray) => parts[0];
export const prompt = text`Once`; // error syntax/template: there are no tagged templates in a model

export default train(Model, settings);
