import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const plan: { steps: number; clip?: number } = { steps: 20, clip: 1 };
delete plan.clip; // error syntax/assign: objects do not change

export default train(Model, { ...settings, ...plan });
