import { Model } from "../parts/model.ts";

export default Model; // error syntax/no-plan: export default is a block; it must be train(Model, { … })
