import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  fuse: { crossEntropy: "chunk:0.5" }, // error use/fuse: crossEntropy=chunk:0.5: behind the colon stands a whole number of at least 1
});
