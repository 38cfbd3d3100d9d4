import { adamw, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: {
    ...optimizer,
    "layer.w": adamw({ lr: 1e-3 }),
    "*.w": adamw({ lr: 1e-2 }), // error plan/two-groups: layer.w is in two groups, layer.w and *.w
  },
});
