/** Handlebars, set up once a target: no HTML escaping, and a field that is missing is an error rather than an empty string. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";
import { root } from "../package.js";

/** One a target: partials of the same name differ. */
const instances = new Map<string, typeof Handlebars>();
const compiled = new Map<string, Handlebars.TemplateDelegate>();

const folder = (target: string): string => join(root, "templates", target);

/** Renders templates/<target>/<name>.hbs. Values that are lists of lines belong in {{#each}}, so that they are indented. */
export function render(target: string, name: string, data: object): string {
  const path = join(folder(target), `${name}.hbs`);
  let template = compiled.get(path);
  if (!template) {
    template = instanceOf(target).compile(readFileSync(path, "utf8"), { noEscape: true, strict: true });
    compiled.set(path, template);
  }
  return template(data);
}

/** Files with one dot only (`opening.hbs`) are partials. */
function instanceOf(target: string): typeof Handlebars {
  let instance = instances.get(target);
  if (!instance) {
    instance = Handlebars.create();
    for (const file of readdirSync(folder(target)))
      if (/^\w+\.hbs$/.test(file))
        instance.registerPartial(file.slice(0, -".hbs".length), readFileSync(join(folder(target), file), "utf8"));
    instances.set(target, instance);
  }
  return instance;
}
