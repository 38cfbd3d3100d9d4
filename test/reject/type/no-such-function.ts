import { dropout, train } from "mlac"; // error type/TS2305: has no exported member 'dropout'
import { Model, settings } from "../parts/model.ts";

export const rate = dropout;

export default train(Model, settings);
