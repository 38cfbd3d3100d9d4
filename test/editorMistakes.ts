/** Mistakes that people make, as changes to editor/base.ts, and the sentence that the editor must show for each. */
interface Mistake {
  what: string;
  from: string;
  to: string;
  says: string;
  /** At how many places it shows; one by default. */
  errors?: number;
}

const attended = 'attention(q, rope(k, turn), linear(latent, p.v), { along: "T", causal: true })';

export const mistakes: readonly Mistake[] = [
  // ---- matrices
  {
    what: "a weight that reads something else",
    from: `${attended}, p.out)`,
    to: `${attended}, p.q)`,
    says: "✗ linear: the weight reads [D]; x is [B T H U], which does not end in it",
  },
  {
    what: "no output projection",
    from: `linear(${attended}, p.out)`,
    to: attended,
    says: `Type '"B T H U"' is not assignable to type '"B T D"'`,
  },
  {
    what: "experts' weights on tokens that were not dispatched",
    from: "linear(rows, p.gate)",
    to: "linear(x, p.gate)",
    says: "✗ linear: the weight has a matrix for each E; x is [B T D], which does not begin with it",
  },
  {
    what: "a weight that writes a dimension that is there already",
    from: 'gate: weight("D -> H A+N")',
    to: 'gate: weight("D -> T A+N")',
    says: "✗ linear: x is [B T D], which already has the T that the weight writes",
  },
  {
    what: "arguments in the wrong order",
    from: "linear(x, p.kRope)",
    to: "linear(p.kRope, x)",
    says: `'Weight<"D -> R">' is not assignable to parameter of type 'Tensor`,
  },
  {
    what: "a head that is no embedding",
    from: 'head: embedding("V -> D")',
    to: 'head: weight("D -> V")',
    says: `'Weight<"D -> V">' is not assignable to parameter of type 'Embedding`,
  },
  {
    what: "a head of another width",
    from: 'head: embedding("V -> D")',
    to: 'head: embedding("V -> W")',
    says: "✗ linearCrossEntropy: the embedding has rows of W; x is [B T D], whose last dimension is D",
  },
  // ---- norms and numbers one by one
  {
    what: "a gain over another dimension",
    from: "rmsnorm(linear(x, p.q), p.qNorm)",
    to: "rmsnorm(linear(x, p.q), p.norm)",
    says: "✗ rmsnorm: the gain is over [C]; x is [B T H N+R], whose last dimension is N+R",
  },
  {
    what: "gain and bias exchanged",
    from: "layernorm(x, g, b)",
    to: "layernorm(x, b, g)",
    says: `'Bias<"D">' is not assignable to parameter of type 'Gain`,
  },
  {
    what: "two shapes added",
    from: "add(x, p.ffn(p.mix(x)))",
    to: 'add(x, linear(x, weight("D -> H A")))',
    says: "✗ add: [B T D] and [B T H A] differ",
  },
  {
    what: "two shapes multiplied",
    from: 'part(linear(x, p.gate), "A")',
    to: 'part(linear(x, p.gate), "N")',
    says: "✗ mul: [B T H A] and [B T H N] differ",
  },
  {
    what: "a gate and another shape",
    from: "linear(rows, p.up)), p.down)",
    to: "rows), p.down)",
    says: "✗ swiglu: [E rows F] and [E rows D] differ",
  },
  // ---- putting together and taking apart
  {
    what: "a key that the heads do not share yet",
    from: 'expand(linear(x, p.kRope), "H")',
    to: "linear(x, p.kRope)",
    says: "✗ concat: [B T H N] and [B T R] must differ in the last dimension only",
  },
  {
    what: "repeated twice",
    from: 'expand(linear(x, p.kRope), "H")',
    to: 'expand(expand(linear(x, p.kRope), "H"), "H")',
    says: "✗ expand: x is [B T H R], which already has H",
  },
  {
    what: "a part that is not there",
    from: 'p.gate), "A")',
    to: 'p.gate), "R")',
    says: "✗ part: x is [B T H A+N], whose last dimension is A+N, with no R in it",
  },
  {
    what: "turned along a dimension that is not there",
    from: '{ along: "T", theta',
    to: '{ along: "S", theta',
    says: `'"S"' is not assignable to type '"B" | "H" | "T"'`,
    errors: 2,
  },
  {
    what: "turned on an addend that is not there",
    from: 'on: "R"',
    to: 'on: "U"',
    says: `'"U"' is not assignable to type '"N" | "R"'`,
    errors: 2,
  },
  // ---- attention
  {
    what: "values where keys belong",
    from: "rope(k, turn)",
    to: "linear(latent, p.v)",
    says: "✗ attention: q is [B T H N+R] and k is [B T H U]; they may differ only in the heads, the last dimension but one",
  },
  {
    what: "values with other heads than the keys",
    from: "linear(x, p.v), {",
    to: "linear(x, p.q), {",
    says: "✗ attention: k is [B T G A] and v is [B T H A]; they may differ in the last dimension only",
  },
  {
    what: "attention along the heads",
    from: '{ along: "T", causal: true, scale',
    to: '{ along: "H", causal: true, scale',
    says: `Type '"H"' is not assignable to type '"T"'`,
  },
  // ---- experts
  {
    what: "a router that reads something else",
    from: 'router("D -> E")',
    to: 'router("F -> E")',
    says: "✗ route: the router reads [F]; x is [B T D], which does not end in it",
  },
  {
    what: "a router that is none",
    from: "route(x, p.router",
    to: "route(x, p.gate",
    says: `'Weight<"E: D -> F">' is not assignable to parameter of type 'Router`,
  },
  {
    what: "dispatched twice",
    from: "dispatch(x, routing)",
    to: "dispatch(dispatch(x, routing), routing)",
    says: "✗ dispatch: x is [E rows D]; the routing is of tokens [B T]",
  },
  {
    what: "tokens combined that were never dispatched",
    from: "combine(linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down), routing)",
    to: "combine(x, routing)",
    says: "✗ combine: y is [B T D]; it must be rows of experts, [E rows …]",
  },
  // ---- parameters
  {
    what: "a weight in other words",
    from: 'k: weight("C -> H N")',
    to: 'k: weight("C, H N")',
    says: "✗ weight: say what it reads and what it writes",
  },
  {
    what: "a gain over two dimensions",
    from: 'norm: gain("C")',
    to: 'norm: gain("C D")',
    says: "✗ gain: say which one dimension it is over",
  },
  {
    what: "an embedding without an arrow",
    from: 'head: embedding("V -> D")',
    to: 'head: embedding("V D")',
    says: "✗ embedding: say what it has a row for and how wide it is",
  },
  { what: "a parameter's name misspelt", from: "p.down), p.norm)", to: "p.down), p.nrom)", says: "Property 'nrom' does not exist" },
  {
    what: "a function where a block belongs",
    from: "stack(2, Layer)",
    to: "stack(2, residual)",
    says: "is not assignable to parameter of type 'Block",
  },
  {
    what: "a layer by its number",
    from: "for (const layer of p.layers) x = layer(x);",
    to: "x = p.layers[0](x);",
    says: "can't be used to index type 'Iterable",
  },
  // ---- the model and its plan
  {
    what: "targets where tokens belong",
    from: "lookup(p.embed, tokens)",
    to: "lookup(p.embed, targets)",
    says: `'Targets<"B T">' is not assignable to parameter of type 'Tokens`,
  },
  {
    what: "tokens where targets belong",
    from: "p.head, targets)",
    to: "p.head, tokens)",
    says: `'Tokens<"B T">' is not assignable to parameter of type 'Targets<"B T">'`,
  },
  {
    what: "a model without a loss",
    from: "return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);",
    to: "return rmsnorm(x, p.norm);",
    says: "✗ train: the model gives [B T D]; it must give the loss, a scalar, as linearCrossEntropy does",
  },
  {
    what: "a model that takes no targets",
    from: 'targets: Targets<"B T">',
    to: 'targets: Tokens<"B T">',
    says: "✗ train: the model must take (tokens:",
    errors: 2,
  },
  { what: "a size left out", from: "A: 8, C: 16", to: "C: 16", says: "Property 'A' is missing" },
  {
    what: "a kind of parameter without an optimizer",
    from: "    router: adamw({ lr: 3e-4 }),\n",
    to: "",
    says: "Property 'router' is missing",
  },
  {
    what: "an optimizer for what is no kind and no path",
    from: '"layers.*.attn.out"',
    to: "attention",
    says: "'attention' does not exist in type 'Optimizers",
  },
  { what: "Muon for what is no matrix", from: "gain: adamw(", to: "gain: muon(", says: "Type 'Muon' is not assignable to type 'AdamW'" },
  { what: "an option misspelt", from: "cosine({ warmup: 2", to: "cosine({ warm: 2", says: "'warm' does not exist in type" },
  {
    what: "a fusion choice that there is not",
    from: '"chunk:64"',
    to: '"chunked"',
    says: `'"chunked"' is not assignable to type '"full" | "recompute"`,
  },
];
