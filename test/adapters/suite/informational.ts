/** RFC 9110 §15.2: informational answers before the final one. */
import { describe, expect, test } from "vitest"
import { valuesOf } from "../wire.ts"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

export function informational(suite: Suite): void {
  suite.group("informational", "RFC 9110 §15.2, RFC 8297", ["http1", "http2", "memory"], () => {
    const hints = action((conn) =>
      conn
        .inform(103, { link: "</a.css>; rel=preload", "x-n": "1" })
        .inform(103, { link: "</b.css>; rel=preload" })
        .text("hello"),
    )

    if (suite.capabilities.inform)
      describe("where the server can", () => {
        test("103 comes before the answer, as often as it is sent, with its headers", async () => {
          const answer = await suite.server.request("GET", hints)
          expect([answer.status, answer.text]).toEqual([200, "hello"])
          expect(answer.informs.map(({ status, headers }) => [status, valuesOf(headers, "link")])).toEqual([
            [103, ["</a.css>; rel=preload"]],
            [103, ["</b.css>; rel=preload"]],
          ])
          expect(valuesOf(answer.informs[0]!.headers, "x-n")).toEqual(["1"])
        })

        test("its headers do not get into the answer", async () => {
          expect((await suite.server.request("GET", hints)).all("link")).toEqual([])
        })

        if (suite.onWire)
          test("it leaves at once", async () => {
            let go!: () => void
            const path = action(async (conn) => {
              conn.inform(103, { link: "</a>" })
              await new Promise<void>((resolve) => {
                go = resolve
              })
              return conn.text("hello")
            })
            const wire = await suite.server.connect()
            expect((await wire.send(bytesOf("GET", path)).head()).status).toBe(103)
            go()
            expect((await wire.answer()).text).toBe("hello")
          })

        test("102 is sent too", async () => {
          const answer = await suite.server.request(
            "GET",
            action((conn) => conn.inform(102).text("hello")),
          )
          expect(answer.informs.map((head) => head.status)).toEqual([102])
        })
      })

    if (!suite.capabilities.inform)
      describe("where the server cannot", () => {
        test("the answer comes without", async () => {
          const answer = await suite.server.request("GET", hints)
          expect([answer.status, answer.text, answer.informs, answer.all("link")]).toEqual([200, "hello", [], []])
        })
      })

    if (suite.onWire)
      test("HTTP/1.0 gets none (RFC 9110 §15.2)", async () => {
        const answer = await suite.server.say(bytesOf("GET", hints, { version: "HTTP/1.0" }))
        expect([answer.text, answer.informs]).toEqual(["hello", []])
      })

    test.each([99, 101, 200, 104.5])("inform(%d) is a mistake: 500", async (status) => {
      const answer = await suite.server.request(
        "GET",
        action((conn) => conn.inform(status).text("hello")),
      )
      expect([answer.status, answer.informs]).toEqual([500, []])
    })
  })
}
