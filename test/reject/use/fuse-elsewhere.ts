// options: --fuse mla=absorb // error use/fuse: mla=absorb is not a choice of the cpu target
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
