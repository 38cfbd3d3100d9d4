export const turn = (theta: number) => ({ along: "T", theta }) as const;
