// biome-ignore-all lint/suspicious/noExplicitAny: any stands for a shape or a type that does not matter or is not known
/**
 * The algebra of shapes. A shape is a string of names, "B T H N+R", which the type checker takes apart and puts together;
 * a name may be a sum of names. No sizes here: the compiler checks those.
 *
 * `any` stands for a shape that an earlier error has made unknown. It goes through everything, so that one mistake gives
 * one message; `string extends S` asks for it, and for a shape that could not be inferred because the value is no tensor.
 */

/** "B T D" → ["B", "T", "D"] */
type Split<S extends string> = S extends "" ? [] : S extends `${infer Head} ${infer Rest}` ? [Head, ...Split<Rest>] : [S];

/** "B T D" → "B" | "T" | "D" */
export type Names<S extends string> = string extends S ? any : Split<S>[number];

/** "B T D" → "D" */
export type Last<S extends string> = string extends S ? any : S extends `${string} ${infer Rest}` ? Last<Rest> : S;

/** "B T D" → "B T" */
export type Init<S extends string> = string extends S ? any : S extends `${infer Before} ${Last<S>}` ? Before : "";

/** "B T" and "D" → "B T D" */
export type Cat<A extends string, B extends string> = string extends A | B ? any : A extends "" ? B : B extends "" ? A : `${A} ${B}`;

/** "N" and "R" → "N+R" */
export type Sum<A extends string, B extends string> = string extends A | B ? any : `${A}+${B}`;

/** "N+R" → "N" | "R" */
export type Addends<S extends string> = string extends S ? any : S extends `${infer Head}+${infer Rest}` ? Head | Addends<Rest> : S;

/** The names that need a size: "E: D -> H N+R" → "E" | "D" | "H" | "N" | "R". The experts' rows have none. */
export type Atoms<S extends string> = string extends S
  ? never
  : S extends `${infer A}: ${infer B}` | `${infer A} -> ${infer B}`
    ? Atoms<A> | Atoms<B>
    : Exclude<Addends<Names<S>>, "rows" | "">;

/** What a matrix has one of for each: "E: D -> F" → "E"; "D -> F" → "". */
export type Each<W extends string> = string extends W ? any : W extends `${infer E}: ${string}` ? E : "";

/** "E: D -> F" → "D" */
export type Reads<W extends string> = string extends W
  ? any
  : W extends `${string}: ${infer I} -> ${string}`
    ? I
    : W extends `${infer I} -> ${string}`
      ? I
      : never;

/** "E: D -> F" → "F" */
export type Writes<W extends string> = string extends W ? any : W extends `${string} -> ${infer O}` ? O : never;

/** What is left of the front of S when Tail is taken off its end; never if S does not end in Tail. */
export type Before<S extends string, Tail extends string> = string extends S
  ? any
  : S extends Tail
    ? ""
    : S extends `${infer B} ${Tail}`
      ? B
      : never;

/** Whether S begins with Head, name by name. */
export type Begins<S extends string, Head extends string> = Head extends "" ? true : S extends Head | `${Head} ${string}` ? true : false;

/** S if it is what was asked for, else unknown. */
export type Checked<S extends string, Wanted> = [S] extends [Wanted] ? S : any;

// ---- what weight(), embedding() … take: the string itself, or the sentence that says what is wrong with it

type Mark = "," | ":" | ";" | "-" | ">" | "<" | "(" | ")" | "[" | "]" | "*" | "/" | "." | "=" | "|";
type Malformed =
  | ""
  | `${" " | "+"}${string}`
  | `${string}${" " | "+"}`
  | `${string}${"  " | " +" | "+ " | "++"}${string}`
  | `${string}${Mark}${string}`;
type Bad<S extends string> = S extends Malformed ? S : never;
type NotOne<S extends string> = S extends Malformed | `${string} ${string}` ? S : never;

export type MatrixShape<W extends string> = W extends `${string} -> ${string}`
  ? [Bad<Reads<W> | Writes<W> | (W extends `${infer E}: ${string}` ? E : Reads<W>)>] extends [never]
    ? W
    : MatrixSentence
  : MatrixSentence;
type MatrixSentence = '✗ weight: say what it reads and what it writes, as in "D -> H N" or, one for each expert, "E: D -> F"';

export type TableShape<W extends string, Sentence extends string> = W extends `${string} -> ${string}`
  ? [NotOne<Reads<W> | Writes<W>>] extends [never]
    ? W
    : Sentence
  : Sentence;

export type VectorShape<S extends string, Kind extends string> = [NotOne<S>] extends [never]
  ? S
  : `✗ ${Kind}: say which one dimension it is over, as in "D"`;
