/** C++ and CUDA C++ as runs of one kind, for colours on a terminal and in the page. */
export type Kind = "comment" | "text" | "directive" | "keyword" | "type" | "number" | "plain";

export interface Run {
  kind: Kind;
  text: string;
}

const keywords =
  "alignas auto break case class const constexpr continue default do else enum extern for if inline namespace operator private public return static static_assert struct switch template this typename using volatile while __device__ __global__ __host__ __launch_bounds__ __restrict __restrict__ __shared__";
const types = "bf16 bool char double float int int32_t int64_t real size_t uint32_t uint64_t unsigned void cudaStream_t";
const pattern =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')|(?<directive>^[ \t]*#[^\n]*)|(?<number>\b\d[\w.']*)|(?<word>[A-Za-z_]\w*)/gm;

const kinds = new Map<string, Kind>([
  ...keywords.split(" ").map((word) => [word, "keyword"] as const),
  ...types.split(" ").map((word) => [word, "type"] as const),
]);

/** The runs, one after the other, are the text. */
export function highlight(text: string): Run[] {
  const runs: Run[] = [];
  const add = (kind: Kind, part: string): void => {
    const last = runs.at(-1);
    if (part === "") return;
    if (last?.kind === kind) last.text += part;
    else runs.push({ kind, text: part });
  };
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    const { word, ...named } = match.groups!;
    add("plain", text.slice(at, match.index));
    const [kind] = Object.entries(named).find(([, part]) => part !== undefined) ?? [];
    add((kind as Kind | undefined) ?? kinds.get(word!) ?? "plain", match[0]);
    at = match.index + match[0].length;
  }
  add("plain", text.slice(at));
  return runs;
}
