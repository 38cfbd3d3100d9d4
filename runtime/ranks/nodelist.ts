/** SLURM's short way of writing lists of hosts: "rack[1-2]node[03-07,9],login". */

/** The first host of a list. */
export function firstHost(list: string): string {
  let depth = 0;
  let end = 0;
  for (; end < list.length; end++) {
    const letter = list[end];
    if (letter === "[") depth++;
    else if (letter === "]") depth--;
    else if (letter === "," && depth === 0) break;
  }
  return list.slice(0, end).replaceAll(/\[([^\],-]*)[^\]]*\]/g, "$1");
}

/** The number for host `index` in SLURM's counts by host, "4(x2),3": 4, 4, 3. */
export function countOfHost(counts: string, index: number): number | undefined {
  const all = counts.split(",").flatMap((part) => {
    const [, count, times = "1"] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim()) ?? [];
    return count === undefined ? [] : Array.from({ length: Number(times) }, () => Number(count));
  });
  return all[index];
}
