import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const plan = {
  get steps() { // error syntax/accessor: objects in a model hold values
    return 20;
  },
};

export default train(Model, { ...settings, steps: plan.steps });
