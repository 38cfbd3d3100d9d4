import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  fuse: { crossentropy: "full" }, // error type/TS2561: fuse has no option crossentropy
});
