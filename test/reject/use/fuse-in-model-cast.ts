import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  fuse: { norm: "never" as "own" }, // error use/fuse: norm cannot be "never"
});
