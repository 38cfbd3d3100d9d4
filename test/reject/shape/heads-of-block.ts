import { train } from "mlac";
import { groupedQueryAttention } from "mlac/blocks";
import { modelOf, settings, sizes } from "../parts/model.ts";

const more = {
  ...sizes,
  G: 3, // error shape/heads: the 4 heads H of q cannot be shared out over the 3 heads G of k
};

export default train(modelOf(groupedQueryAttention({ theta: 10_000 })), { ...settings, sizes: more });
