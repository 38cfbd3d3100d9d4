/** Handlebars, set up once: no HTML escaping, and a field that is missing is an error rather than an empty string. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";
import { root } from "../package.js";

const handlebars = Handlebars.create();
const compiled = new Map<string, Handlebars.TemplateDelegate>();
const partials = ["opening", "crossEntropyGradients"];

const read = (path: string): string => readFileSync(join(root, "templates", `${path}.hbs`), "utf8");

/** Renders templates/<target>/<name>.hbs. Values that are lists of lines belong in {{#each}}, so that they are indented. */
export function render(target: string, name: string, data: object): string {
  const path = `${target}/${name}`;
  let template = compiled.get(path);
  if (!template) {
    for (const partial of partials) handlebars.registerPartial(partial, read(`${target}/${partial}`));
    template = handlebars.compile(read(path), { noEscape: true, strict: true });
    compiled.set(path, template);
  }
  return template(data);
}
