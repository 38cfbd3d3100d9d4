import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  fuse: { crossEntropy: "chunked" }, // error type/TS2322: crossEntropy is "chunked"; it must be "chunk:NUMBER", "full" or "recompute"
});
