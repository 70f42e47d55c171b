/** Three versions take these shares of the requests: basis points. */
export const WEIGHTS_BP = { 1: 9_000, 2: 900, 3: 100 } as const;
