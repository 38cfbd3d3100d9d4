import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { scaleOf } from "../compiler/picture/axis.js";
import {
  areas,
  bars,
  code,
  facts,
  figure,
  figures,
  headlines,
  heatmap,
  json,
  lines,
  type Markup,
  markup,
  type Point,
  page,
  quantity,
  scatter,
  smoothed,
  standalone,
  table,
  thinned,
} from "../compiler/picture/index.js";

const test = suite("pictures");
const hostile = `</title></script><script>alert("1")</script>'"&<!-- \u001b[31m\u0007\u202e\ud800\uffff`;
/** As a reader sees it: what must not be shown stands as U+FFFD, one for one. */
const shown = `</title></script><script>alert("1")</script>'"&<!-- \ufffd[31m\ufffd\ufffd\ufffd\ufffd`;

const unescaped = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"' })[name] ?? "'");

/** Fails for anything but tags that fit together, quoted attributes and escaped text. Gives the texts and the attributes. */
function wellFormed(xml: string): { texts: string[]; attributes: [string, string][] } {
  const [texts, attributes, open]: [string[], [string, string][], string[]] = [[], [], []];
  const token = /<\/([a-zA-Z]+)>|<([a-zA-Z]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>|([^<>]+)/y;
  for (let at = 0; at < xml.length; at = token.lastIndex) {
    token.lastIndex = at;
    const match = token.exec(xml) ?? assert.unreachable(`not well-formed: ${xml.slice(at, at + 80)}`);
    const [, closed, opened, inside = "", empty, text] = match as RegExpExecArray;
    if (closed) assert.is(open.pop(), closed);
    if (opened && !empty) open.push(opened);
    for (const [, name = "", value = ""] of inside.matchAll(/ ([a-zA-Z:-]+)="([^"]*)"/g)) attributes.push([name, unescaped(value)]);
    if (text) {
      assert.not.match(text, /&(?!(amp|lt|gt|quot|#39);)/);
      texts.push(unescaped(text));
    }
  }
  assert.equal(open, []);
  return { texts, attributes };
}

function without(text: string, ...parts: string[]): void {
  for (const part of parts) assert.not.ok(text.includes(part), JSON.stringify(part));
}

/** Every place and path is made of finite numbers. */
function drawable(picture: Markup): string {
  const { attributes } = wellFormed(picture.toString());
  for (const [name, value] of attributes)
    if (/^(d|x|y|r|cx|cy|width|height|viewBox|transform)$/.test(name)) assert.not.match(value, /NaN|Infinity|undefined|e[+-]\d/, name);
  assert.match(picture.toString(), /^<svg class="picture" role="img" [^>]*><title>[^<]+<\/title>/);
  return picture.toString();
}

const each = (points: readonly Point[], name = "a"): Markup[] => [
  lines({ title: name, series: [{ name, points, smooth: 3 }] }),
  lines({
    title: name,
    x: { tight: true, whole: true, label: name },
    y: { log: true, label: name },
    series: [
      { name, points },
      { name: `${name}2`, points, dots: true, dashed: true },
    ],
  }),
  bars({
    title: name,
    axis: { unit: "s", label: name },
    groups: [{ name, bars: points.map(([x, y]) => ({ name, value: y, low: x, high: y, note: name })) }],
  }),
  scatter({
    title: name,
    x: { log: true },
    y: { log: true },
    ceilings: [{ slope: 2, level: 100, slopeName: name, levelName: name }],
    dots: points.map(([x, y]) => ({ name, x, y, group: name, about: [name], href: `#${name}` })),
  }),
  heatmap({
    title: name,
    rows: [name, name],
    columns: points.map(() => name),
    values: [points.map(([x]) => x), points.map(([, y]) => y)],
    rowLabel: name,
    columnLabel: name,
    valueLabel: name,
    middle: 1,
  }),
  areas({
    title: name,
    x: { label: name },
    y: { unit: "B", label: name },
    edges: [0, ...points.map((_, i) => i + 1)],
    layers: [{ name, values: points.map(([, y]) => y) }],
    names: points.map(() => name),
    ceiling: { value: 5, name },
  }),
];

test("a hostile name appears as text in every plot, between tags and in attributes", () => {
  for (const picture of each(
    [
      [1, 2],
      [2, 3],
    ],
    hostile,
  )) {
    const { texts } = wellFormed(drawable(picture));
    assert.ok(texts.includes(shown), "the title is whole");
    without(picture.toString(), "<script", "\u001b", "\u202e", "\uffff");
  }
  const { attributes } = wellFormed(markup`<a title="${hostile}">${[hostile, 1, undefined, false]}</a>`.toString());
  assert.equal(attributes, [["title", shown]]);
});

test("a page holds hostile text as text, and its policy allows its own style and script only", () => {
  const body = figures([
    figure({
      title: hostile,
      note: hostile,
      picture: each([[1, 2]], hostile)[0]!,
      numbers: table({ title: hostile, columns: [{ name: hostile, number: true }], rows: [[hostile]] }),
    }),
    facts([[hostile, hostile]]),
    headlines([{ name: hostile, value: hostile, about: hostile }]),
    code(hostile),
  ]);
  const html = page({
    title: hostile,
    subtitle: hostile,
    script: "document.title;",
    sections: [
      { title: hostile, lead: hostile, body },
      { title: "Two", body: "" },
    ],
  });
  assert.is(html.match(/<script/g)?.length, 1);
  without(html, "\u001b", "\u202e", "\uffff");
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
  assert.match(policy, "default-src 'none'");
  for (const tag of ["style", "script"]) {
    const text = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? "";
    assert.match(policy, `${tag}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  }
  assert.equal(
    [...html.matchAll(/https?:[^"\s]*/g)].map(([url]) => url).filter((url) => url !== "http://www.w3.org/2000/svg"),
    [],
  );
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  for (const [, anchor] of html.matchAll(/href="#([^"]*)"/g)) if (!anchor?.includes("&")) assert.ok(ids.includes(anchor), anchor);
  const data = json({ name: hostile, end: "</script><!--" }).toString();
  assert.not.match(data, /[<>&]/);
  assert.is((JSON.parse(data) as { end: string }).end, "</script><!--");
});

test("nothing, one point, NaN, zeros and huge ranges are drawn", () => {
  const cases: Point[][] = [
    [],
    [[1, 1]],
    [[0, 0]],
    [
      [1, Number.NaN],
      [2, 5],
      [3, Number.POSITIVE_INFINITY],
    ],
    [[Number.NaN, Number.NaN]],
    [
      [1, -1.7e308],
      [2, 1.7e308],
    ],
    [
      [5e-324, 1e-300],
      [1e300, 1e300],
    ],
    [
      [1, 0],
      [2, -3],
      [3, 1e-12],
    ],
    Array.from({ length: 5000 }, (_, i): Point => [i, Math.sin(i)]),
  ];
  for (const points of cases) for (const picture of each(points)) drawable(picture);
  assert.match(lines({ title: "t", series: [{ name: "a", points: [[1, Number.NaN]] }] }).toString(), "no values");
  assert.match(heatmap({ title: "t", rows: [], columns: [], values: [] }).toString(), "no values");
});

test("ticks are round, each once, in the unit that is printed", () => {
  const labels = (axis: Parameters<typeof scaleOf>[0], values: number[]): string[] =>
    scaleOf(axis, values, [0, 400], 80)
      .ticks.map(({ label }) => label)
      .filter((label) => label !== "");
  assert.equal(labels({}, [0, 0.97]), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.equal(labels({ unit: "B", zero: true }, [900 * 2 ** 20]), ["0", "200 MiB", "400 MiB", "600 MiB", "800 MiB", "1,000 MiB"]);
  assert.equal(labels({ unit: "s", zero: true }, [0.0041]), ["0", "1 ms", "2 ms", "3 ms", "4 ms", "5 ms"]);
  assert.equal(labels({ log: true, unit: "s" }, [0.001, 0.004]), ["1 ms", "1.5 ms", "2 ms", "2.5 ms", "3 ms", "3.5 ms", "4 ms"]);
  assert.equal(labels({ log: true }, [1, 1e6]), ["1", "100", "10k", "1M"]);
  assert.equal(labels({ whole: true, tight: true }, [1, 3]), ["1", "2", "3"]);
  assert.equal(labels({ log: true, unit: "FLOP/s" }, [1e12, 4e13]), ["1 TFLOP/s", "2 TFLOP/s", "5 TFLOP/s", "10 TFLOP/s", "20 TFLOP/s"]);
  for (const values of [
    [1e-9, 2e-9],
    [-5, 5],
    [1e12, 3e12],
    [0.1, 0.1000001],
    [-1e300, 1e300],
  ]) {
    const found = labels({}, values);
    assert.ok(found.length >= 2, `${values} has ${found}`);
    assert.is(new Set(found).size, found.length, `${found}`);
  }
});

test("quantities have three or four digits and a unit", () => {
  const cases: [number, string, string][] = [
    [0, "", "0"],
    [1.23456, "", "1.235"],
    [12345, "", "12.35k"],
    [-0.00012, "", "−1.2e−4"],
    [4901888, "B", "4.675 MiB"],
    [0.0042, "s", "4.2 ms"],
    [9e-8, "s", "90 ns"],
    [0.25, "%", "25 %"],
    [7.9e14, "FLOP/s", "790 TFLOP/s"],
    [0.5, "FLOP/B", "0.5 FLOP/B"],
    [Number.NaN, "B", "NaN"],
  ];
  for (const [value, unit, text] of cases) assert.is(quantity(value, unit), text);
});

test("a mean keeps a constant and a slope, does not lag, and passes over what is no number", () => {
  const line = Array.from({ length: 50 }, (_, i): Point => [i, 2 * i]);
  for (const [x, y] of smoothed(line, 9).slice(0, 46)) assert.ok(Math.abs(y - 2 * x) < 1e-9, `${x}`);
  const gap: Point[] = [
    [0, 3],
    [1, Number.NaN],
    [2, 3],
    [3, 3],
  ];
  assert.equal(smoothed(gap, 3), gap);
});

test("a long series keeps its spikes and its gaps", () => {
  const points = Array.from({ length: 100_000 }, (_, i): Point => [i, i === 54_321 ? 99 : i === 777 ? Number.NaN : 1]);
  const kept = thinned(points, 1000);
  assert.ok(kept.length <= 1200);
  assert.ok(kept.some(([, y]) => y === 99) && kept.some(([, y]) => Number.isNaN(y)));
  assert.ok(drawable(lines({ title: "t", series: [{ name: "a", points }] })).length < 120_000);
});

test("a heat map's colours turn at its middle, and end where it says", () => {
  const map = heatmap({
    title: "t",
    rows: ["a"],
    columns: ["1", "2", "3", "4", "5", "6"],
    values: [[0, 1, 2, 50, Number.NaN, 1]],
    from: 0,
    middle: 1,
    to: 2,
  }).toString();
  assert.match(map, '<path class="n6" d="M0 0h1v1h-1z"/>');
  assert.match(map, '<path class="p6" d="M2 0h2v1h-2z"/>');
  assert.match(map, '<path class="p0" d="M1 0h1v1h-1zM5 0h1v1h-1z"/>');
});

test("a picture alone is a file with its style", () => {
  const svg = standalone(
    each([
      [1, 2],
      [2, 3],
    ])[0]!,
  );
  assert.match(svg, /^<\?xml [^>]*\?>\n<svg [^>]*><style>/);
  assert.match(svg, "prefers-color-scheme:dark");
});

test.run();
