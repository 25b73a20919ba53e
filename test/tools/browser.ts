/** Debian's Chromium for tests that look at a page; where it is not installed, this says aloud what is left out. */

import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const places = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
const found = places.find((place) => place !== undefined && existsSync(place))

/** Whether there is a browser. With `REQUIRE_BROWSER` set its lack is an error, as in CI, where nothing may be left out. */
export function hasBrowser(): boolean {
  if (found !== undefined) return true
  if (process.env["REQUIRE_BROWSER"]) throw new Error("REQUIRE_BROWSER is set, and no Chromium is installed")
  console.warn("LEFT OUT: tests in a browser; no Chromium here (Debian: apt-get install chromium)")
  return false
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: found!, args: ["--no-sandbox", "--disable-dev-shm-usage"] })
}
