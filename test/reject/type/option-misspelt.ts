import { cosine, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: cosine({ warm: 2 }), // error type/TS2353: cosine has no option warm
});
