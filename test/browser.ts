/** A real browser for the tests of pages: Debian's Chromium, or the one that CHROMIUM names. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { which } from "../compiler/emit/compiler.js";

const found = (): string | undefined => process.env["CHROMIUM"] ?? which("chromium") ?? which("chromium-browser") ?? which("google-chrome");

/** Continuous integration always looks at the pages; elsewhere a machine without a browser has the other tests. */
export const isBrowserWanted = (): boolean => found() !== undefined || Boolean(process.env["CI"]);

/** Fails with a sentence where there is none: a page that was not looked at in a browser was not tested. */
export async function openBrowser(): Promise<Browser> {
  const asked = process.env["CHROMIUM"];
  const executablePath = found();
  if (executablePath === undefined || (asked !== undefined && !existsSync(asked)))
    throw new Error(
      asked === undefined
        ? "the pages are tested in Chromium, which is not found: apt-get install chromium, or name another in CHROMIUM"
        : `CHROMIUM names ${asked}, which is not there`,
    );
  // Its sandbox takes namespaces, which containers do not have; what it opens are our own files.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
