/** Mistakes that TypeScript lets pass, as changes to lower/experts.ts, and what mlac must say about each, and of which text. */
export interface Mistake {
  what: string;
  /** Each pair: a text that stands once in the model, and what stands there instead. */
  change: readonly (readonly [from: string, to: string])[];
  slug: string;
  says: string;
  /** The text that the first frame marks. */
  at: string;
  /** Of --set. */
  set?: Record<string, string>;
}

const loop = "for (const layer of p.layers) x = layer(x);";
const routed = 'route(x, p.router, { topK: 2, score: "sigmoid", scale: 2.5, balance: { bias: 0.001 } })';

export const mistakes: readonly Mistake[] = [
  // ---- sizes
  {
    what: "a size of zero",
    change: [["C: 8", "C: 0"]],
    slug: "shape/size",
    says: "the size of C is 0; it must be a whole number from 1",
    at: 'weight("D -> C+R")',
  },
  {
    what: "a size with a fraction",
    change: [["C: 8", "C: 8.5"]],
    slug: "shape/size",
    says: "the size of C is 8.5",
    at: 'weight("D -> C+R")',
  },
  {
    what: "a size set to a negative number",
    change: [],
    set: { T: "-8" },
    slug: "shape/size",
    says: "the size of T is -8",
    at: 'tokens: Tokens<"B T">',
  },
  { what: "a size of a dimension made later", change: [['"H");', '"Q");']], slug: "type/TS2345", says: "concat", at: "shared" },
  {
    what: "an odd number of rotary columns",
    change: [["R: 2", "R: 3"]],
    slug: "shape/pairs",
    says: "rope turns pairs of columns; R has 3",
    at: 'part(latent, "R")',
  },
  {
    what: "more choices than experts",
    change: [["topK: 2", "topK: 5"]],
    slug: "shape/option",
    says: "route: topK must be a whole number from 1 to 4; it is 5",
    at: "5",
  },
  {
    what: "half a choice",
    change: [["topK: 2", "topK: 1.5"]],
    slug: "shape/option",
    says: "route: topK must be a whole number from 1 to 4; it is 1.5",
    at: "1.5",
  },
  {
    what: "heads that do not divide",
    change: [
      ["H: 2, C", "H: 3, G: 2, C"],
      ['k: weight("C -> H N"), v: weight("C -> H U")', 'k: weight("C -> G N"), v: weight("C -> G U")'],
      ['"H");', '"G");'],
    ],
    slug: "shape/heads",
    says: "the 3 heads H of q cannot be shared out over the 2 heads G of k",
    at: "concat(linear(kept, p.k), shared)",
  },
  {
    what: "attention along a dimension that is not the sequence",
    change: [['{ along: "T", causal: true }', '{ along: "T", causal: "yes" as unknown as boolean }']],
    slug: "shape/option",
    says: 'attention: causal must be true or false; it is the string "yes"',
    at: '"yes" as unknown as boolean',
  },
  {
    what: "rows of another routing",
    change: [
      ["const rows =", `const other = ${routed}; const rows =`],
      ["linear(rows, p.up)", "linear(dispatch(x, other), p.up)"],
    ],
    slug: "shape/routing",
    says: "swiglu: these rows were dispatched by another routing",
    at: "linear(dispatch(x, other), p.up)",
  },
  {
    what: "combining with another routing",
    change: [
      ["const rows =", `const other = ${routed}; const rows =`],
      ["p.down), routing)", "p.down), other)"],
    ],
    slug: "shape/routing",
    says: "combine: y is [E rows D], but not of the rows that this routing dispatched",
    at: "linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down)",
  },
  {
    what: "one router used twice with a bias",
    change: [["const rows =", `const other = ${routed}; const rows =`]],
    slug: "plan/two-loads",
    says: "the router layers.moe.router routes twice",
    at: "ROUTE",
  },

  // ---- stacks and loops
  {
    what: "a number of layers that is none",
    change: [["stack(3, Layer)", "stack(-1, Layer)"]],
    slug: "plan/layers",
    says: "a whole number from 0 up; it is -1",
    at: "-1",
  },
  {
    what: "leaving the loop over a stack",
    change: [[loop, "for (const layer of p.layers) { x = layer(x); break; }"]],
    slug: "syntax/loop",
    says: "there is no break in its loop",
    at: "break;",
  },
  {
    what: "counting layers",
    change: [[loop, "let n = 0; for (const layer of p.layers) { n = n + 1; x = layer(x); }"]],
    slug: "syntax/carried",
    says: "n goes from layer to layer of layers, so it must be a tensor; this is 0",
    at: "n",
  },
  {
    what: "keeping a layer",
    change: [[loop, "let last: (x: X) => X = (x) => x; for (const layer of p.layers) { last = layer; } x = last(x);"]],
    slug: "syntax/carried",
    says: "last goes from layer to layer of layers, so it must be a tensor; this is a function",
    at: "last",
  },
  {
    what: "a first value missing",
    change: [[loop, "let y: X | undefined; for (const layer of p.layers) y = layer(x); x = y!;"]],
    slug: "syntax/carried",
    says: "y goes from layer to layer of layers, so it must be a tensor with a value before the loop",
    at: "y",
  },
  {
    what: "something else carried",
    change: [[loop, "for (const layer of p.layers) { x = layer(x); x = [x] as unknown as X; }"]],
    slug: "syntax/carried",
    says: "this is an array",
    at: "x",
  },
  {
    what: "another shape after a layer",
    change: [[loop, 'let y: Tensor<any> = x; for (const layer of p.layers) y = expand(layer(y), "H"); x = y as X;']],
    slug: "shape/carried",
    says: "y is [B T D] before the loop and [B T H D] after a layer",
    at: "y",
  },
  {
    what: "a loop over something else",
    change: [[loop, "for (const layer of p.norm as unknown as []) x = layer;"]],
    slug: "syntax/loop",
    says: "this is the parameter norm [D]",
    at: "p.norm as unknown as []",
  },

  // ---- functions and values
  {
    what: "a condition on a tensor",
    change: [[loop, `if (x) ${loop}`]],
    slug: "syntax/condition",
    says: "a condition must be known at compile time; this is a tensor [B T D]",
    at: "x",
  },
  {
    what: "endless recursion",
    change: [
      ["const residual", "const again = (x: X): X => again(x);\nconst residual"],
      [loop, "x = again(x);"],
    ],
    slug: "syntax/recursion",
    says: "again calls itself",
    at: "again(x)",
  },
  {
    what: "assigning another function's variable",
    change: [[loop, "const change = (y: X) => { x = y; }; for (const layer of p.layers) change(layer(x));"]],
    slug: "syntax/assign-outside",
    says: "x belongs to another function",
    at: "x",
  },
  {
    what: "changing an object",
    change: [
      ['const turn = { along: "T", theta: 10_000 } as const;', 'const turn = { along: "T" as const, theta: 10_000 }; turn.theta = 5;'],
    ],
    slug: "syntax/assign",
    says: "objects and arrays do not change",
    at: "turn.theta",
  },
  {
    what: "a method of an array",
    change: [[loop, "[x].map((y) => y);"]],
    slug: "syntax/property",
    says: "an array has no map in a model",
    at: "[x].map",
  },
  {
    what: "a block called before it has a place",
    change: [[loop, "x = (Layer as unknown as (x: X) => X)(x);"]],
    slug: "syntax/block",
    says: "a block has no parameters until it is one of another block's",
    at: "(Layer as unknown as (x: X) => X)(x)",
  },
  {
    what: "a random number",
    change: [["{ std: 0 }", "{ std: Math.random() }"]],
    slug: "syntax/math",
    says: "a model has no Math.random",
    at: "Math.random",
  },
  {
    what: "a negative deviation",
    change: [["{ std: 0 }", "{ std: -1 }"]],
    slug: "plan/option",
    says: "weight: std must be a number from 0 up; it is -1",
    at: "-1",
  },
  {
    what: "use before the value",
    change: [["const Attention = block(", "const early = late;\nconst late = () => 1;\nconst Attention = block("]],
    slug: "type/TS2448",
    says: "used before its declaration",
    at: "late",
  },
  {
    what: "a parameter that is not used",
    change: [['norm: gain("D") },', 'norm: gain("D"), spare: weight("D -> D") },']],
    slug: "plan/unused",
    says: "the loss does not depend on spare",
    at: 'weight("D -> D")',
  },
  {
    what: "a parameter that takes the bias's name",
    change: [["router: router(", 'routerBias: gain("E"), router: router(']],
    slug: "syntax/parameter-name",
    says: "layers.moe.routerBias is the name of the expert biases",
    at: "ROUTE",
  },
];
