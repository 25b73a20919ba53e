import { defineRouter, UsageError } from "plumage"
import { rewriteOn } from "plumage/plugs"
import { call, conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { redirectBack } from "../../src/controller/redirect-back.ts"
import { errorOf } from "../loose.ts"

const site = "https://site.example"
const from = (referer: string | undefined, url = `${site}/cart`, method = "POST") =>
  conn(method, url, undefined, referer === undefined ? {} : { headers: { referer } })
const back = (...request: Parameters<typeof from>) =>
  sentResp(redirectBack(from(...request), "/home")).headers["location"]

describe("redirectBack", () => {
  test("leads to the page that the request came from, with its query", () => {
    const sent = sentResp(redirectBack(from(`${site}/books?page=2`), "/"))
    expect([sent.status, sent.headers["location"]]).toEqual([302, "/books?page=2"])
    expect(sentResp(redirectBack(from(`${site}/a`).putStatus(303), "/")).status).toBe(303)
    for (const [referer, page] of [
      [site, "/"],
      [`${site}/b%C3%BCcher?q=a%26b#part`, "/b%C3%BCcher?q=a%26b"],
      [`${site}:443/a`, "/a"],
      ["HTTPS://SITE.example/a", "/a"],
      [`${site}/a?to=https://evil.example/`, "/a?to=https://evil.example/"],
    ] as const) {
      expect(back(referer), referer).toBe(page)
    }
  })

  test("knows its own port and addresses", () => {
    expect(back("http://[::1]:4000/a", "http://[::1]:4000/cart")).toBe("/a")
    expect(back("http://localhost:4000/a", "http://localhost:4000/cart")).toBe("/a")
    expect(back("http://localhost/a", "http://localhost:4000/cart")).toBe("/home")
    expect(back("http://localhost:4000/a", "http://localhost/cart")).toBe("/home")
  })

  test.each([
    undefined,
    "",
    "about:blank",
    "/books",
    "books",
    "http://site.example/a",
    "https://site.example:8443/a",
    "https://www.site.example/a",
    "https://site.example.evil.example/a",
    "https://site.example@evil.example/a",
    "https://user:secret@site.example/a",
    "https://user@site.example/a",
    "https:site.example/a",
    "https://",
    "https://[/a",
    `${site}//evil.example/`,
    `${site}/\\evil.example/`,
    "android-app://site.example/a",
    "data:text/html,https://site.example/",
    "null",
  ])("takes the fallback for the Referer %j", (referer) => {
    expect(back(referer)).toBe("/home")
  })

  test("takes the fallback where there are two Referers", () => {
    const headers = [
      ["referer", `${site}/a`],
      ["referer", `${site}/b`],
    ] as const
    const one = conn("POST", `${site}/cart`, undefined, { headers })
    expect(sentResp(redirectBack(one, "/home")).headers["location"]).toBe("/home")
  })

  test("does not send a GET round in circles, and a POST may go back to its form", () => {
    expect(back(`${site}/lang?to=de`, `${site}/lang?to=de`, "GET")).toBe("/home")
    expect(back(`${site}/lang?`, `${site}/lang`, "GET")).toBe("/home")
    expect(back(`${site}/lang?to=en`, `${site}/lang?to=de`, "GET")).toBe("/lang?to=en")
    expect(back(`${site}/form`, `${site}/form`, "POST")).toBe("/form")
    expect(back(`${site}/a/../lang`, `${site}/lang`, "GET")).toBe("/home")
  })

  test("takes a path of this site for its fallback, and says so even where it is not needed", () => {
    for (const fallback of ["https://evil.example/", "//evil.example", "/\\evil.example", "home", "", "/a\r\nb: c"]) {
      expect(
        errorOf(() => redirectBack(from(`${site}/a`), fallback)),
        fallback,
      ).toBeInstanceOf(UsageError)
    }
  })

  test("behind a proxy that ends TLS knows the scheme by what the proxy says", async () => {
    const headers = { referer: `${site}/a`, "x-forwarded-proto": "https" }
    const one = () => conn("POST", "http://site.example/cart", undefined, { headers, remoteIp: "10.0.0.1" })
    expect(sentResp(redirectBack(one(), "/home")).headers["location"]).toBe("/home")
    const router = defineRouter((r) => [
      r.scope("/", rewriteOn({ trust: ["10.0.0.0/8"], headers: ["x-forwarded-proto"] }), (r) => [
        r.post("/cart", (conn) => redirectBack(conn, "/home")),
      ]),
    ])
    expect(sentResp(await call(router, one())).headers["location"]).toBe("/a")
  })
})
