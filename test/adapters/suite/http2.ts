/** RFC 9113: what HTTP/2 adds to the cases that are written once for all protocols. */
import http2 from "node:http2"
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import { ca } from "./fixtures.ts"
import { deferred, eventually, standstill, within } from "./guard.ts"
import type { Running, Suite } from "./harness.ts"

/** A session of the client; it ends with `body`. */
async function inSession<T>(server: Running, body: (session: http2.ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = http2.connect(`https://localhost:${server.port}`, {
    ca,
    host: "127.0.0.1",
  } as object)
  session.on("error", () => {})
  try {
    return await body(session)
  } finally {
    session.destroy()
  }
}

function ask(session: http2.ClientHttp2Session, path: string, headers = {}): http2.ClientHttp2Stream {
  const stream = session.request({ ":path": path, ...headers })
  stream.on("error", () => {})
  return stream
}

async function bodyOf(stream: http2.ClientHttp2Stream): Promise<string> {
  let text = ""
  for await (const data of stream.setEncoding("utf8")) text += data
  return text
}

const part = new Uint8Array(50_000)

export function overHttp2(suite: Suite): void {
  suite.group("HTTP/2", "RFC 9113", ["http2"], () => {
    const hello = action((conn) => conn.text("hello"))

    test("conn.getHttpProtocol says so, and the authority is the host", async () => {
      const path = action((conn) => conn.json([conn.getHttpProtocol(), conn.host, conn.scheme, conn.method]))
      const text = await inSession(suite.server, (session) => bodyOf(ask(session, path)))
      expect(JSON.parse(text)).toEqual(["HTTP/2", "localhost", "https", "GET"])
    })

    test("a hundred requests on one session at once", async () => {
      const path = action(async (conn) => {
        await new Promise(setImmediate)
        return conn.text(conn.queryString)
      })
      const texts = await inSession(suite.server, (session) =>
        Promise.all(Array.from({ length: 100 }, (_, i) => bodyOf(ask(session, `${path}?${i}`)))),
      )
      expect(texts).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
    })

    test("a client without HTTP/2 gets HTTP/1.1 (ALPN)", async () => {
      const wire = await suite.server.connect()
      wire.send(`GET ${hello} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
      expect((await wire.answer()).text).toBe("hello")
    })

    describe("a reader that reads nothing", () => {
      test("makes chunk() wait, costs a bounded amount, and holds no other stream back", async () => {
        let written = 0
        let waiting = false
        const ended = deferred()
        const path = action(async (conn) => {
          const answer = conn.sendChunked(200)
          for (;;) {
            const result = answer.chunk(part)
            waiting = result instanceof Promise
            if (!(await result)) break
            waiting = false
            written += part.length
            if (!(result instanceof Promise)) await new Promise(setImmediate)
          }
          ended.resolve()
          return answer
        })
        await inSession(suite.server, async (session) => {
          const stream = ask(session, path).pause()
          await standstill(
            "chunk() waits",
            () => written,
            () => waiting,
          )
          expect(written).toBeLessThan(5_000_000)
          expect(await bodyOf(ask(session, hello))).toBe("hello")
          const before = written
          stream.resume()
          await eventually("chunk() goes on", () => written > before + 10 * part.length)
          stream.close(http2.constants.NGHTTP2_CANCEL)
          await within(2_000, "chunk() answers false", ended.promise)
        })
      })
    })

    test("a thousand streams that are reset at once harm nobody", async () => {
      let started = 0
      let over = 0
      const path = action(async (conn) => {
        started++
        const gone = new Promise((resolve) => conn.onClose(resolve))
        await gone
        over++
        return conn.text("nobody hears")
      })
      await inSession(suite.server, async (session) => {
        for (let batch = 0; batch < 20; batch++) {
          const streams = Array.from({ length: 50 }, () => ask(session, path))
          if (batch % 2) await new Promise(setImmediate)
          for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL)
          await new Promise(setImmediate)
        }
      })
      expect((await suite.server.request("GET", hello)).text).toBe("hello")
      await eventually("every action is told", () => over === started, 2_000)
    })

    test("an app's connection: close is no header here (§8.2.2)", async () => {
      const path = action((conn) => conn.putRespHeader("connection", "close").text("hello"))
      const answer = await suite.server.request("GET", path)
      expect([answer.text, answer.all("connection")]).toEqual(["hello", []])
    })

    test("garbage behind the preface ends the session and nothing else", async () => {
      const { connect } = await import("node:tls")
      for (const bytes of ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "x"]) {
        const socket = connect({
          port: suite.server.port,
          host: "127.0.0.1",
          servername: "localhost",
          ca,
          ALPNProtocols: ["h2"],
        })
        socket.on("error", () => {}).resume()
        socket.write(bytes + "\xff".repeat(100))
        await within(5_000, "the session ends", new Promise((resolve) => socket.on("close", resolve)))
      }
      expect((await suite.server.request("GET", hello)).text).toBe("hello")
    })
  })
}
