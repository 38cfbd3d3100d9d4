// options: --fuse crossentropy=full // error use/fuse: there is no fusion choice "crossentropy"
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
