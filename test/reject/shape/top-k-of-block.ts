import { train } from "mlac";
import { routedMoe } from "mlac/blocks";
import { modelOf, settings } from "../parts/model.ts";

// error shape/option: route: topK must be a whole number from 1 to 4; it is 8
const Experts = routedMoe({ topK: 8, score: "softmax", balance: "none" });

export default train(modelOf(Experts), settings);
