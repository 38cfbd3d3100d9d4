import { first } from "./first.ts"; // error syntax/import-cycle: files import each other in a circle

export const second = first + 1;
