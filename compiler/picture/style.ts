/** The colours of pictures and pages, light and dark, and the CSS of pictures. */
import { type Markup, markup, verbatim } from "./markup.js";

/** Blue, orange, green, magenta, violet, teal, ochre, grey: told apart by people who confuse red and green, too. */
const light = ["#2563c9", "#d9730d", "#15875c", "#c2347a", "#7a4fd0", "#0d8499", "#93740f", "#667080"];
const dark = ["#7badff", "#f5a352", "#56c596", "#f07fb4", "#b59bff", "#57c7d9", "#d9bd5b", "#a4adba"];

/** From pale to strong, and around a middle from cool (n) to warm (p). */
const ramps = {
  light: {
    q: ["#eef3fb", "#d3e2f7", "#abc9ef", "#7da8e2", "#4f83d1", "#2c60b5", "#133f86"],
    n: ["", "#dfe9f6", "#bcd3ee", "#8db4e0", "#5a90cf", "#316cb5", "#174a8b"],
    p: ["#f1f1ef", "#f8e6d8", "#f4cbaa", "#eba878", "#dd7f4a", "#c2562a", "#943817"],
  },
  dark: {
    q: ["#1b2330", "#20324c", "#264870", "#2f639b", "#4585c6", "#74abe4", "#b8d7fa"],
    n: ["", "#22314a", "#28456e", "#315f97", "#4480bf", "#6fa6dd", "#abcff5"],
    p: ["#26282b", "#42311f", "#654223", "#8d5529", "#b86f38", "#de9458", "#f8c798"],
  },
} as const;

const palette = (colours: readonly string[], ramp: Record<"q" | "n" | "p", readonly string[]>): string =>
  [
    ...colours.map((colour, i) => `--c${i}:${colour}`),
    ...Object.entries(ramp).flatMap(([kind, list]) => list.flatMap((colour, i) => (colour === "" ? [] : [`--${kind}${i}:${colour}`]))),
  ].join(";");

const classes = [
  ...light.map((_, i) => `.picture .c${i}{--own:var(--c${i})}`),
  ...Object.entries(ramps.light).flatMap(([kind, list]) =>
    list.flatMap((colour, i) => (colour === "" ? [] : [`.cells .${kind}${i}{fill:var(--${kind}${i})}`])),
  ),
].join("\n");

/** Variables for whatever stands beside pictures: --ink, --faint, --line, --paper, --card, --accent and --c0 … --c7. */
export const pictureCss = `:root{color-scheme:light dark;--ink:#1c2128;--soft:#4d5661;--faint:#6b7480;--line:#dfe3e8;--rule:#b9c0c9;--paper:#f6f7f9;--card:#ffffff;--accent:#2563c9;${palette(light, ramps.light)}}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaee;--soft:#b6bec8;--faint:#939ca8;--line:#2c323a;--rule:#4a525d;--paper:#0f1216;--card:#171b21;--accent:#7badff;${palette(dark, ramps.dark)}}}
.picture{display:block;max-width:100%;height:auto;font:12px/1 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;overflow:visible}
.picture text{fill:var(--soft)}
.picture .label,.picture .faint{fill:var(--faint)}
.picture .faint,.picture .name{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.picture .strong{fill:var(--ink);font-weight:600}
.picture .value,.picture .name{fill:var(--ink)}
.picture path{fill:none}
.picture .grid path{stroke:var(--line)}
.picture .axis{stroke:var(--rule)}
.picture .line{stroke:var(--own);stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.picture .raw{stroke-width:1;opacity:.32}
.picture .dashed{stroke-dasharray:5 4}
.picture .fill{fill:var(--own)}
.picture .area{opacity:.85}
.picture .dot{fill-opacity:.7;stroke:var(--card)}
.picture .ring{fill:none;stroke:var(--ink);stroke-width:1.5}
.picture .mark{stroke:var(--rule);stroke-dasharray:2 3}
.picture .ceiling{stroke:var(--soft);stroke-width:1.4;stroke-dasharray:6 4}
.picture .whisker{stroke:var(--ink);stroke-width:1.3}
.picture .missing{fill:var(--line)}
.picture .stripe{fill:var(--ink);opacity:.12}
.picture .cells path{shape-rendering:crispEdges}
.picture .tell rect{fill:transparent}
.picture .tell rect:hover{stroke:var(--ink);stroke-width:1.5}
.picture .hover>rect{fill:transparent}
.picture .hover>g{display:none;pointer-events:none}
.picture .hover:hover>g,.picture a:focus-visible .hover>g{display:inline}
.picture a:focus-visible{outline:none}
.picture .bubble{fill:var(--card);stroke:var(--rule)}
.picture .bubble~text{fill:var(--ink)}
${classes}`;

/** A picture as a file of its own: an SVG with its style in it. */
export function standalone(picture: Markup): string {
  const text = picture.toString();
  const end = text.indexOf(">") + 1;
  const back = `svg{background:var(--card)}`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text.slice(0, end)}${markup`<style>${verbatim(pictureCss + back)}</style>`}${text.slice(end)}\n`;
}
