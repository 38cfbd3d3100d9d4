// options: --fuse attention=flash // error use/fuse: there is no fusion choice "attention"
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
