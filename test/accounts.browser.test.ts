import { serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { describe, expect, test } from "vitest"
import { accounts } from "../examples/accounts/app.ts"
import { adapterNames } from "./tools/adapters.ts"
import { hasBrowser, openBrowser } from "./tools/browser.ts"

const adapters = { node, uws, elli }

describe.skipIf(!hasBrowser()).each(await adapterNames())("the accounts site in a browser, on %s", (name) => {
  test("registers, uploads with progress in the page, shows the picture, and logs out", async () => {
    const server = await serve(accounts({ secretKeyBase: "accounts".repeat(8) }), adapters[name]({ port: 0 }))
    const browser = await openBrowser()
    try {
      const page = await browser.newPage({ viewport: { width: 720, height: 760 } })
      const failures: string[] = []
      page.on("pageerror", (error) => failures.push(error.message))
      // What the site's own policy forbids is said on the console.
      page.on("console", (message) => message.type() === "error" && failures.push(message.text()))
      const origin = `http://127.0.0.1:${server.port}`
      await page.goto(origin)
      expect(page.url()).toBe(`${origin}/login`)
      await page.click("text=Register")
      await page.fill("[name=name]", "Ada Lovelace")
      await page.fill("[name=password]", "an analytical engine")
      await page.click("main button")
      await page.waitForSelector("text=Welcome, Ada Lovelace.")
      expect(await page.textContent("h1")).toBe("Hello, Ada Lovelace")

      // Slow enough that the bar is seen to move.
      const session = await page.context().newCDPSession(page)
      await session.send("Network.enable")
      const latency = { offline: false, latency: 0, downloadThroughput: -1 }
      await session.send("Network.emulateNetworkConditions", { ...latency, uploadThroughput: 3_000_000 })
      const steps = page.evaluate(
        () =>
          new Promise<number[]>((resolve) => {
            const seen: number[] = []
            const bar = document.querySelector("progress")!
            const watch = new MutationObserver(() => seen.push(bar.value / bar.max))
            watch.observe(bar, { attributes: true })
            addEventListener("pagehide", () => sessionStorage.setItem("steps", JSON.stringify(seen)))
            const state = document.querySelector("[data-state]")!
            new MutationObserver(() => state.textContent === "100 %" && resolve(seen)).observe(state, {
              childList: true,
            })
          }),
      )
      const picture = await page.screenshot({ type: "png" })
      const padded = Buffer.concat([picture, Buffer.alloc(2_500_000)])
      await page.setInputFiles("[name=picture]", { name: "screen.png", mimeType: "image/png", buffer: padded })
      await page.click("text=Upload")
      const seen = await steps
      expect(seen.length, "the bar moved").toBeGreaterThan(1)
      expect(seen).toEqual([...seen].sort((a, b) => a - b))
      await page.waitForSelector("ul.pictures img")
      await page.waitForFunction(() => document.querySelector<HTMLImageElement>("ul.pictures img")!.naturalWidth > 0)
      const shot = process.env["SCREENSHOT"]
      if (shot) await page.screenshot({ path: `${shot}-${name}.png` })
      if (shot) await page.emulateMedia({ colorScheme: "dark" })
      if (shot) await page.screenshot({ path: `${shot}-${name}-dark.png` })

      await page.click("text=Log out")
      await page.waitForURL(`${origin}/login`)
      await page.goto(origin)
      expect(page.url()).toBe(`${origin}/login`)
      expect(failures).toEqual([])
    } finally {
      await browser.close()
      await server.stop({ graceMs: 1_000 })
    }
  })
})
