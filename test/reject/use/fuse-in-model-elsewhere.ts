import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  fuse: { moeOut: "scatter" }, // error use/fuse: moeOut=scatter is not a choice of the cpu target
});
