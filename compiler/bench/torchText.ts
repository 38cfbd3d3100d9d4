import type { ChalkInstance } from "chalk";
import type { Section } from "../picture/index.js";
import type { Against } from "./torch.js";

export const torchLines = (result: Against, paint: ChalkInstance): string[] => [paint.bold(String(result.ratio))];

export const torchSection = (result: Against): Section => ({ title: "Against PyTorch", body: String(result.ratio) });
