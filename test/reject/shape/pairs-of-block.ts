import { train } from "mlac";
import { mla } from "mlac/blocks";
import { modelOf, settings, sizes } from "../parts/model.ts";

const more = {
  ...sizes,
  R: 3, // error shape/pairs: rope turns pairs of columns; R has 3, which is an odd number
};

export default train(modelOf(mla({ theta: 10_000 })), { ...settings, sizes: more });
