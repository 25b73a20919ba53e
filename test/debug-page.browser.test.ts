/** The debugger's page in a browser: readable in both schemes, on every width, with a keyboard, and without scripts. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { defineEndpoint, defineRouter, pipeline, serve } from "plumage"
import { node } from "plumage/adapters/node"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { debugErrors } from "../src/plugs/debug-errors.ts"
import { hasBrowser, openBrowser } from "./tools/browser.ts"

const currentUser = (conn: any) => conn.assign("currentUser", { name: "ada", token: "x" })
function showUser(): never {
  throw new TypeError("cannot show </textarea><b>the address</b>", { cause: new RangeError("it has none") })
}
const endpoint = defineEndpoint({ renderErrors: debugErrors({ editor: "vscode" }), onError: () => undefined }).router(
  defineRouter((r) => [
    r.scope("/users", pipeline().plug(currentUser), (r) => [r.get("/:id", showUser)]),
    r.get("/long", () => {
      throw new Error(`${"wide".repeat(500)}\n`.repeat(50))
    }),
    r.get("/nothing", () => {
      throw null
    }),
  ]),
)

/** Of every text that is seen, its contrast with what is behind it (WCAG 2.2 §1.4.3); those below 4.5. */
function lowContrasts(): string[] {
  const parse = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color: number[]): number => {
    const [red = 0, green = 0, blue = 0] = color.slice(0, 3).map((one) => {
      const part = one / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const backgroundOf = (element: Element | null): number[] => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const low: string[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
    const element = text.parentElement!
    if (text.nodeValue!.trim() === "" || ["SCRIPT", "STYLE"].includes(element.tagName)) continue
    const [front, back] = [luminance(parse(getComputedStyle(element).color)), luminance(backgroundOf(element))]
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05)
    if (contrast < 4.5)
      low.push(`${contrast.toFixed(2)}: ${element.className || element.tagName} ${text.nodeValue!.trim().slice(0, 40)}`)
  }
  return low
}

describe.skipIf(!hasBrowser())("the debugger's page", () => {
  let browser: Browser
  let url: string
  let stop: () => Promise<void>
  beforeAll(async () => {
    const server = await serve(endpoint, node({ port: 0, host: "127.0.0.1" }))
    url = `http://localhost:${server.port}`
    stop = () => server.stop({ graceMs: 500 })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await stop?.()
  })

  /** Opens a page; whatever it complains of, or loads beside itself, fails the test. */
  async function open(
    path: string,
    options: BrowserContextOptions,
    look: (page: Page) => Promise<void>,
  ): Promise<void> {
    const complaints: string[] = []
    const browsing = await browser.newContext(options)
    try {
      const page = await browsing.newPage()
      page.on("pageerror", (error) => complaints.push(error.message))
      page.on("console", (message) => complaints.push(message.text()))
      page.on("request", (request) => request.resourceType() === "document" || complaints.push(request.url()))
      await page.goto(url + path)
      await look(page)
      expect(complaints.filter((text) => !/status of (?:500|404)/.test(text))).toEqual([])
    } finally {
      await browsing.close()
    }
  }

  const sizes = [
    ["a phone", { width: 320, height: 640 }],
    ["a desk", { width: 1360, height: 900 }],
  ] as const
  const schemes = ["light", "dark"] as const
  test.each(sizes.flatMap(([name, viewport]) => schemes.map((colorScheme) => [name, colorScheme, viewport] as const)))(
    "can be read on %s, in %s",
    async (_, colorScheme, viewport) => {
      for (const path of ["/users/7?page=2", "/long", "/nothing", "/nowhere"]) {
        await open(path, { colorScheme, viewport }, async (page) => {
          await page.evaluate(() => {
            for (const details of document.querySelectorAll("details")) details.open = true
          })
          const width = await page.evaluate(() => document.documentElement.scrollWidth)
          expect([path, width]).toEqual([path, viewport.width])
          expect([path, await page.evaluate(lowContrasts)]).toEqual([path, []])
        })
      }
    },
  )

  test("shows the line that failed without a click, and what a client wrote as text", async () => {
    await open("/users/7", {}, async (page) => {
      expect(await page.textContent("h1")).toBe("TypeError")
      expect(await page.textContent(".message")).toBe("cannot show </textarea><b>the address</b>")
      const failing = page.locator(".failing").first()
      expect(await failing.isVisible()).toBe(true)
      expect(await failing.textContent()).toContain("throw new TypeError(")
      expect(await page.locator(".plugs .here").textContent()).toBe("the action of GET /users/:id failed here")
      expect(await page.locator("b:text('the address')").count()).toBe(0)
    })
  })

  test("is copied as Markdown", async () => {
    await open("/users/7", { permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
      await page.click("#copy")
      await page.waitForFunction(() => document.getElementById("copied")?.textContent === "Copied")
      const text = await page.evaluate(() => navigator.clipboard.readText())
      expect(text).toMatch(/^# TypeError at GET \/users\/7\n/)
      expect(text).toContain("cannot show </textarea><b>the address</b>")
      expect(text).toContain("RangeError")
      expect(text).not.toContain("&lt;")
    })
  })

  test("has its landmarks, one first heading, names for what is used, and goes by the keyboard", async () => {
    await open("/users/7", {}, async (page) => {
      for (const role of ["banner", "main", "complementary", "contentinfo"] as const) {
        expect([role, await page.getByRole(role).count()]).toEqual([role, 1])
      }
      expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1)
      const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map(({ id }) => id))
      expect(new Set(ids).size).toBe(ids.length)
      await page.keyboard.press("Tab")
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Copy as Markdown")
      await page.keyboard.press("Tab")
      const first = page.locator("details.frame").first()
      expect(await first.evaluate((element) => (element as HTMLDetailsElement).open)).toBe(true)
      await page.keyboard.press("Enter")
      expect(await first.evaluate((element) => (element as HTMLDetailsElement).open)).toBe(false)
    })
  })

  test("needs no script: all of it is there, and the text to copy", async () => {
    await open("/users/7", { javaScriptEnabled: false }, async (page) => {
      expect(await page.locator("#copy").isVisible()).toBe(false)
      await page.locator("footer summary").click()
      expect(await page.locator("#markdown").inputValue()).toMatch(/^# TypeError at GET/)
      await page.locator("details.frame summary").first().click()
      expect(await page.locator(".failing").first().isVisible()).toBe(false)
    })
  })
})
