// options: --fuse recompute=fit // error use/fuse: recompute=fit: behind the colon stands a whole number
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
