// options: --fuse norm=inline // error use/fuse: norm cannot be "inline"
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
