/** The page of `mlac inspect --html` in a real browser: it stands alone, answers to mouse and keyboard, and shows names as text. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inspect } from "../compiler/inspect/index.js";
import type { Inspection } from "../compiler/inspect/inspection.js";
import { inspectionPage } from "../compiler/inspect/page/index.js";
import { root } from "../compiler/package.js";
import type { Target } from "../compiler/target.js";
import { isBrowserWanted, openBrowser } from "./browser.js";
import { hostileModel, hostileName } from "./hostile.js";
import { temporaryFolder } from "./temporary.js";

const test = suite("inspect page");
const folder = temporaryFolder();
if (!isBrowserWanted()) console.log("Chromium is not found (apt-get install chromium): the page of mlac inspect is not tested");
const inBrowser = isBrowserWanted() ? test : test.skip;
let browser: Browser | undefined;
test.before(async () => {
  if (isBrowserWanted()) browser = await openBrowser();
});
test.after(async () => {
  await browser?.close();
});

async function made(name: string, model: string, target: Target, measured?: string): Promise<{ inspection: Inspection; file: string }> {
  const options = { model, target, dtype: target === "cpu" ? "f32" : "bf16", fuse: {}, set: {} } as const;
  const inspection = await inspect(measured === undefined ? options : { ...options, times: measured });
  const file = join(folder, `${name}.html`);
  writeFileSync(file, inspectionPage(inspection));
  return { inspection, file };
}

const lite = await made("lite", join(root, "examples/lite/model.ts"), "cuda", join(root, "bench/results/h200/lite.json"));
const hostile = await made("hostile", join(hostileModel(), "model.ts"), "cpu");

interface Opened {
  page: Page;
  /** What the page asked for, said on its console, or showed as a dialog; all of it would be wrong. */
  wrong: string[];
}

async function open(file: string, more: Parameters<Browser["newContext"]>[0] = {}): Promise<Opened> {
  const context = await browser!.newContext({ viewport: { width: 1440, height: 1000 }, ...more });
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on("request", (request) => request.url() === pathToFileURL(file).href || wrong.push(`asked for ${request.url()}`));
  page.on("console", (message) => wrong.push(`said ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`failed: ${error.message}`));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(pathToFileURL(file).href);
  return { page, wrong };
}

test("a browser that is missing is a sentence, not a test that goes by", async () => {
  const before = process.env["CHROMIUM"];
  process.env["CHROMIUM"] = join(folder, "no-such-browser");
  try {
    await openBrowser();
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /CHROMIUM names .*no-such-browser, which is not there/);
  } finally {
    if (before === undefined) delete process.env["CHROMIUM"];
    else process.env["CHROMIUM"] = before;
  }
});

inBrowser("it is one file under 3 MB that asks for nothing, and begins with the kernel that takes the most", async () => {
  assert.ok(statSync(lite.file).size < 3e6);
  const { page, wrong } = await open(lite.file);
  const [heaviest] = [...lite.inspection.kernels].sort((a, b) => (b.measured ?? 0) - (a.measured ?? 0));
  assert.is(await page.locator("article.kernel:visible").count(), 1);
  assert.is(await page.locator("article.kernel:visible").getAttribute("data-kernel"), heaviest?.name);
  assert.is(await page.evaluate(() => document.documentElement.scrollWidth), 1440);
  assert.equal(wrong, []);
  await page.context().close();
});

inBrowser("a kernel that is chosen shows its source, costs, buffers and lines, and lights up in every picture", async () => {
  const { page, wrong } = await open(lite.file);
  await page.locator(".kernels tbody tr", { hasText: "fwd_20_linear_dispatch_swiglu" }).click();
  const article = page.locator("article.kernel:visible");
  const kernel = lite.inspection.kernels.find(({ name }) => name === "fwd_20_linear_dispatch_swiglu")!;
  assert.is(await article.locator("pre").innerText(), kernel.text.trimEnd());
  const text = await article.innerText();
  for (const { name } of [...kernel.inputs, ...kernel.outputs]) assert.match(text, name);
  assert.match(text, "fwd_19_pick"); // who writes what it reads
  // Its lines are in a file of mlac's own: that file is opened, at the line.
  assert.is(
    await page.locator(".source.shown .line.on").first().getAttribute("data-line"),
    kernel.lines.map(({ file, line }) => `${file}:${line}`)[0],
  );
  assert.ok(await page.locator(".line.on").first().isVisible());
  for (const picture of [".flow .box.on", ".flow .op.on", ".arena a.on", "#roofline a.on"])
    assert.ok((await page.locator(picture).count()) > 0, picture);
  assert.match(page.url(), /#kernel-fwd_20_linear_dispatch_swiglu$/);
  assert.equal(wrong, []);
  await page.goBack();
  await page.context().close();
});

inBrowser("a line that is chosen shows its kernels", async () => {
  const { page, wrong } = await open(lite.file);
  await page.locator("a.line", { hasText: "linearCrossEntropy(rmsnorm(x, p.norm)" }).click();
  const shown = await page.locator(".kernels tr.on").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-k")));
  const expected = lite.inspection.kernels
    .filter(({ lines }) => lines.some(({ file, line }) => file === "model.ts" && line === 25))
    .map(({ name }) => name);
  assert.equal(shown.sort(), expected.sort());
  // A line that only leads to others by calls stands for all of their kernels.
  await page.locator("a.line", { hasText: "for (const layer of p.layers)" }).click();
  assert.ok((await page.locator(".kernels tr.on").count()) > 30);
  assert.equal(wrong, []);
  await page.context().close();
});

inBrowser("everything works with the keyboard alone", async () => {
  const { page, wrong } = await open(lite.file);
  await page.keyboard.press("Tab");
  assert.is(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await page.locator(".kernels a").first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const second = await page.locator(".kernels tbody tr").nth(1).getAttribute("data-k");
  assert.is(await page.locator("article.kernel:visible").getAttribute("data-kernel"), second);
  await page.locator("[role=tab]").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.is(await page.locator("[role=tab]").nth(1).getAttribute("aria-selected"), "true");
  await page.locator(".source.shown a.line").first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.ok((await page.locator(".line.on").count()) > 0);
  await page.keyboard.press("Escape");
  assert.is(await page.locator(".on").count(), 0);
  await page.locator("#find").fill("attention");
  const visible = await page
    .locator(".kernels tbody tr:visible")
    .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-k") ?? ""));
  assert.ok(visible.length > 0 && visible.every((name) => name.includes("attention")));
  await page.locator("#reason").selectOption("copies");
  const reasons = await page.locator("#refused tbody tr:visible").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-reason")));
  assert.equal([...new Set(reasons)], ["copies"]);
  assert.equal(wrong, []);
  await page.context().close();
});

inBrowser("light and dark are both readable", async () => {
  const colours = new Set<string>();
  for (const colorScheme of ["light", "dark"] as const) {
    const { page } = await open(lite.file, { colorScheme });
    const contrast = await page.evaluate(() => {
      const luminance = (colour: string): number => {
        const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
          const c = Number(part) / 255;
          return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0]! + 0.7152 * parts[1]! + 0.0722 * parts[2]!;
      };
      const back = getComputedStyle(document.querySelector(".pane")!).backgroundColor;
      return [".pane a.code", ".line .n", ".pane th", "i.comment", "i.number", "i.keyword"].map((query) => {
        const [a, b] = [luminance(getComputedStyle(document.querySelector(query)!).color), luminance(back)];
        return { query, back, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
      });
    });
    for (const { query, ratio, back } of contrast) {
      assert.ok(ratio > 3, `${colorScheme}: ${query} has ${ratio.toFixed(1)}`);
      colours.add(back);
    }
    await page.context().close();
  }
  assert.is(colours.size, 2);
});

inBrowser("a narrow window scrolls downwards only, and without a script the address chooses", async () => {
  const { page, wrong } = await open(lite.file, { viewport: { width: 420, height: 800 } });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 420);
  assert.equal(wrong, []);
  await page.context().close();
  const without = await open(lite.file, { javaScriptEnabled: false });
  assert.is(await without.page.locator("article.kernel:visible").count(), lite.inspection.kernels.length);
  await without.page.context().close();
});

inBrowser("markup, quotes and escape codes of a model are text, and run nothing", async () => {
  const { page, wrong } = await open(hostile.file);
  const tabs = await page.locator("[role=tab]").allInnerTexts();
  assert.ok(tabs.includes(`${hostileName}/norm.ts`), tabs.join());
  await page.locator("[role=tab]", { hasText: "norm.ts" }).click();
  assert.match(await page.locator(".source.shown").innerText(), "</script><script>alert(1)</script>");
  assert.is(await page.locator("img, .source script").count(), 0);
  assert.is(await page.locator("script").count(), 1);
  await page.locator(".kernels a", { hasText: "rmsnorm" }).first().click();
  assert.match(await page.locator("article.kernel:visible").innerText(), `${hostileName}/norm.ts:2`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.not.match(readFileSync(hostile.file, "utf8"), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
  assert.equal(wrong, []);
  await page.context().close();
});

test.run();
