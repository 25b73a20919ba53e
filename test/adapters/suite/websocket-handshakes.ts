/** RFC 6455 §4: handshakes, and what is none. */
import { describe, expect, test } from "vitest"
import { encodeFrame, Op, readFrame } from "../wire/frames.ts"
import { action } from "./app.ts"
import { eventually } from "./guard.ts"
import { acceptOf, ask, echo, handshake, handshakeBytes, key, upgrades } from "./handshake.ts"
import type { Suite } from "./harness.ts"
import { bytesOf } from "./request.ts"

export function websocketHandshakes(suite: Suite): void {
  if (!suite.capabilities.websocket) return
  const open = (path: string, headers?: Record<string, string>) => handshake(suite.server, path, headers)

  suite.group("websocket handshakes", "RFC 6455 §4", ["http1"], () => {
    const path = upgrades(echo)

    test("101 with the accept key, and nothing that was not asked for", async () => {
      const { answer } = await ask(suite.server, path, { "sec-websocket-extensions": "permessage-deflate" })
      expect(answer.status).toBe(101)
      expect(answer.header("upgrade")?.toLowerCase()).toBe("websocket")
      expect(answer.header("connection")?.toLowerCase()).toBe("upgrade")
      expect(answer.header("sec-websocket-accept")).toBe(acceptOf(key))
      expect([answer.header("sec-websocket-protocol"), answer.header("sec-websocket-extensions")]).toEqual([
        undefined,
        undefined,
      ])
    })

    test("tokens in any case and in lists", async () => {
      await open(path, { connection: "keep-alive, UPGRADE", upgrade: "WebSocket" })
    })

    test("headers that the app put are in the answer", async () => {
      const given = action((conn) => conn.putRespHeader("x-a", "1").upgrade("websocket", echo))
      const { answer } = await ask(suite.server, given)
      expect([answer.status, answer.all("x-a")]).toEqual([101, ["1"]])
    })

    test("cookies that the app put are in the answer", async () => {
      const given = action((conn) => conn.putRespCookie("c", "v").upgrade("websocket", echo))
      const { answer } = await ask(suite.server, given)
      expect([answer.status, answer.all("set-cookie").length]).toEqual([101, 1])
    })

    test("an upgrade after an await", async () => {
      const late = action(async (conn) => {
        await new Promise(setImmediate)
        return conn.upgrade("websocket", echo)
      })
      const wire = await open(late)
      wire.send(encodeFrame({ opcode: Op.text, payload: "late" }))
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("late")
    })

    test("frames that came with the handshake are not lost", async () => {
      const wire = await suite.server.connect()
      const bytes = bytesOf("GET", path, {
        headers: [
          "upgrade",
          "websocket",
          "connection",
          "upgrade",
          "sec-websocket-version",
          "13",
          "sec-websocket-key",
          key,
        ],
      })
      wire.send(Buffer.concat([bytes, encodeFrame({ opcode: Op.text, payload: "early" })]))
      expect((await wire.answer()).status).toBe(101)
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("early")
    })

    const refused: [what: string, headers: Record<string, string>, statuses: number[]][] = [
      ["no upgrade header", { upgrade: "" }, [400, 426]],
      ["no connection: upgrade", { connection: "keep-alive" }, [400, 426]],
      ["another protocol", { upgrade: "h2c" }, [400, 426]],
      ["no version", { "sec-websocket-version": "" }, [400, 426]],
      ["version 12", { "sec-websocket-version": "12" }, [426]],
      ["no key", { "sec-websocket-key": "" }, [400]],
      ["a key that is too short", { "sec-websocket-key": "c2hvcnQ=" }, [400]],
      ["a key that is no base64", { "sec-websocket-key": "!!!!!!!!!!!!!!!!!!!!!!==" }, [400]],
    ]
    test.each(refused)("%s is refused, and the connection serves on or ends in order", async (_, headers, statuses) => {
      const { wire, answer } = await ask(suite.server, path, headers)
      expect(statuses).toContain(answer.status)
      if (answer.status === 426) expect(answer.header("upgrade")).toBe("websocket")
      if (answer.header("connection")?.toLowerCase() === "close") expect(await wire.ending()).toBe("fin")
      else expect((await wire.send(bytesOf("GET", path)).answer()).status).toBe(426)
    })

    test("a plain GET of a websocket's route is 426", async () => {
      const answer = await suite.server.request("GET", path)
      expect([answer.status, answer.header("upgrade")]).toEqual([426, "websocket"])
    })

    test("a POST with a websocket's headers is refused", async () => {
      const headers = ["upgrade", "websocket", "connection", "upgrade", "sec-websocket-version", "13"]
      const wire = await suite.server.connect()
      wire.send(bytesOf("POST", path, { headers: [...headers, "sec-websocket-key", key], body: "abc" }))
      expect([400, 405, 426]).toContain((await wire.answer()).status)
    })

    test.each([
      ["content-length: 5", "hello"],
      ["transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"],
    ])("a handshake with a body (%s) is 400, and its exchange is over: the body is no frame", async (line, body) => {
      const messages: unknown[] = []
      const opened: boolean[] = []
      const ended: unknown[] = []
      const given = action((conn) => {
        opened.push(true)
        return conn
          .onClose((reason) => ended.push(reason))
          .upgrade("websocket", { message: (_, data) => void messages.push(data) })
      })
      const wire = await suite.server.connect()
      const head = handshakeBytes(given).toString("latin1").replace("\r\n\r\n", `\r\n${line}\r\n\r\n`)
      wire.send(head + body).send(encodeFrame({ opcode: Op.text, payload: "frame" }))
      await eventually("an answer or the end", () => wire.inbox.size > 0 || wire.inbox.ended !== undefined)
      if (wire.inbox.size > 0) {
        expect((await wire.answer()).status).toBe(400)
      }
      // A server may refuse it before the application sees it.
      await eventually("whoever waits for the end is told", () => ended.length === opened.length)
      expect([messages, ended.filter((reason) => reason !== undefined)]).toEqual([[], []])
    })

    test("a handshake over HTTP/1.0 is 400 (RFC 6455 §4.1), and its exchange is over", async () => {
      const ended: unknown[] = []
      const given = action((conn) => conn.onClose((reason) => ended.push(reason)).upgrade("websocket", echo))
      const wire = await suite.server.connect()
      wire.send(handshakeBytes(given).toString("latin1").replace("HTTP/1.1", "HTTP/1.0"))
      expect((await wire.answer()).status).toBe(400)
      await eventually("whoever waits for the end is told", () => ended.length === 1)
      expect(ended).toEqual([undefined])
    })

    test("an upgrade that the route does not know is answered as if it were not asked for (RFC 9110 §7.8)", async () => {
      const hello = action((conn) => conn.text("hello"))
      for (const upgrade of ["websocket", "h2c", "tls/1.0", "x"]) {
        const { answer } = await ask(suite.server, hello, { upgrade })
        expect([answer.status, answer.text]).toEqual([200, "hello"])
      }
    })

    test("an upgrade behind an ordinary request on the same connection", async () => {
      const hello = action((conn) => conn.text("hello"))
      const wire = await suite.server.connect()
      expect((await wire.send(bytesOf("GET", hello)).answer()).text).toBe("hello")
      const headers = ["upgrade", "websocket", "connection", "upgrade", "sec-websocket-version", "13"]
      wire.send(bytesOf("GET", path, { headers: [...headers, "sec-websocket-key", key] }))
      expect((await wire.answer()).status).toBe(101)
      wire.send(encodeFrame({ opcode: Op.text, payload: "hi" }))
      expect((await readFrame(wire.inbox)).payload.toString()).toBe("hi")
    })

    describe("§4.2.2 subprotocols", () => {
      const spoken = upgrades({ open: (ws) => void ws.send(ws.protocol) }, { protocols: ["v2", "v1"] })
      test.each([
        ["v1", "v1"],
        ["v1, v2", "v1"],
        ["x,v2", "v2"],
      ])("asked for %s, agreed on %s", async (asked, agreed) => {
        const { wire, answer } = await ask(suite.server, spoken, { "sec-websocket-protocol": asked })
        expect([answer.status, answer.all("sec-websocket-protocol")]).toEqual([101, [agreed]])
        expect((await readFrame(wire.inbox)).payload.toString()).toBe(agreed)
      })

      test.each([{}, { "sec-websocket-protocol": "x, y" }])("none of ours in %j is refused", async (headers) => {
        expect((await ask(suite.server, spoken, headers as Record<string, string>)).answer.status).toBe(400)
      })
    })

    describe("RFC 6454: origins", () => {
      const scheme = suite.column.secure ? "https" : "http"
      const listed = upgrades(echo, { checkOrigin: ["https://good.example", "//*.wide.example"] })
      const rows: [path: string, origin: string, status: number][] = [
        [path, `${scheme}://localhost`, 101],
        [path, "https://evil.example", 403],
        [path, "null", 403],
        [path, "file://", 403],
        [path, `${scheme}://localhost:1`, 403],
        [path, `${scheme}://localhost.evil.example`, 403],
        [path, `${scheme === "http" ? "https" : "http"}://localhost`, 403],
        [listed, "https://good.example", 101],
        [listed, "https://a.wide.example", 101],
        [listed, "https://evilwide.example", 403],
        [listed, `${scheme}://localhost`, 403],
      ]
      test.each(rows)("%s from %s: %i", async (at, origin, status) => {
        expect((await ask(suite.server, at, { origin })).answer.status).toBe(status)
      })
    })
  })
}
