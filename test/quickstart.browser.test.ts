import { serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { describe, expect, test } from "vitest"
import { endpoint } from "../examples/quickstart/app.ts"
import { adapterNames } from "./tools/adapters.ts"
import { hasBrowser, openBrowser } from "./tools/browser.ts"

const adapters = { node, uws, elli }

describe.skipIf(!hasBrowser()).each(await adapterNames())("the quickstart's page on %s", (name) => {
  test("shows the stream ticking and the websocket answering", async () => {
    const server = await serve(endpoint, adapters[name]({ port: 0 }))
    const browser = await openBrowser()
    try {
      const page = await browser.newPage({ viewport: { width: 900, height: 640 } })
      const failures: string[] = []
      page.on("pageerror", (error) => failures.push(error.message))
      await page.goto(`http://127.0.0.1:${server.port}/`)
      await page.waitForFunction(() => document.getElementById("clock")?.textContent?.startsWith("tick 1 "))
      await page.waitForFunction(() => document.getElementById("echo")?.textContent?.includes("< welcome"))
      await page.fill("#text", "good morning")
      await page.click("button")
      await page.waitForFunction(() => document.getElementById("echo")?.textContent?.includes("< good morning"))
      expect(await page.textContent("#clock-state")).toBe("open")
      expect(await page.textContent("#echo-state")).toBe("open")
      expect(failures).toEqual([])
      const shot = process.env["SCREENSHOT"]
      if (shot) await page.screenshot({ path: `${shot}-${name}.png` })
    } finally {
      await browser.close()
      await server.stop({ graceMs: 1000 })
    }
  })
})
