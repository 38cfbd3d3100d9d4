import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";



export default train(Model, {
  ...settings,
  fuse: { crossEntropy: "chunked" }, // error type/TS2322: '"chunked"' is not assignable to type '"full" | "recompute"
});
