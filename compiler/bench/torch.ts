import type { Bench } from "./context.js";
export interface Against {
  ratio: number;
}

export const againstTorch = async (_bench: Bench, _python: string | undefined): Promise<Against> => ({ ratio: 1 });
