import { type cosine, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: "cosine" as unknown as ReturnType<typeof cosine>, // error plan/schedule: the schedule must be constant(…), cosine(…) or wsd(…); it is the string "cosine"
});
