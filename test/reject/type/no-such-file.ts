import { train } from "mlac";
import { Model, settings } from "../parts/nowhere.ts"; // error type/TS2307: Cannot find module '../parts/nowhere.ts'

export default train(Model, settings);
