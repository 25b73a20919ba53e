import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { type AbortReason, TimeoutError } from "../../../src/conn/adapter.ts"
import { deferred, drive, echo, eventually, request } from "./drive.ts"

describe("answers", () => {
  test("header values are Latin-1 on the wire, whatever the body is", async () => {
    const bodies: (string | Uint8Array)[] = ["plain", "grüß", new Uint8Array([1])]
    const { connect } = await drive((exchange) => {
      const number = Number(exchange.path.slice(1))
      if (number < 3) return exchange.sendResp(200, ["x-a", "ü"], bodies[number]!)
      exchange.sendChunked(200, ["x-a", "ü"], -1)
      exchange.endChunked()
    })
    const wire = await connect()
    for (const number of [0, 1, 2, 3]) {
      const answer = await wire.send(request("GET", `/${number}`)).answer()
      expect(answer.header("x-a")).toBe("ü")
      if (number < 3) expect(answer.body).toEqual(Buffer.from(bodies[number]!))
    }
  })

  test("an absolute-form overrules the Host header", async () => {
    const { seen, connect } = await drive(echo)
    await (await connect()).send("GET http://b:1/x?y HTTP/1.1\r\nhost: a\r\n\r\n").answer()
    const [exchange] = seen
    expect([exchange!.path, exchange!.query, exchange!.getHeader("host")]).toEqual(["/x", "y", "b:1"])
    expect(exchange!.getHeaders()).toEqual(["host", "b:1"])
  })

  test("an answer longer or shorter than its length is cut, never taken for another", async () => {
    const { connect } = await drive((exchange) => {
      exchange.sendChunked(200, [], 5)
      if (exchange.path === "/short") exchange.chunk("1234")
      else expect([exchange.chunk("1234"), exchange.chunk("56")]).toEqual([true, false])
      exchange.endChunked()
    })
    for (const path of ["/short", "/long"]) {
      const wire = (await connect()).send(request("GET", path))
      await expect(wire.answer()).rejects.toThrow()
    }
  })

  test("a cut is told from an end, where the end of the connection ends the answer", async () => {
    const { connect } = await drive((exchange) => {
      exchange.sendChunked(200, [], -1)
      exchange.chunk("some")
      setTimeout(() => (exchange.path === "/cut" ? exchange.abort() : exchange.endChunked()), 30)
    })
    const whole = (await connect()).send("GET / HTTP/1.0\r\n\r\n")
    expect([(await whole.answer()).text, await whole.ending()]).toEqual(["some", "fin"])
    const cut = (await connect()).send("GET /cut HTTP/1.0\r\n\r\n")
    expect(await cut.ending()).toBe("rst")
  })

  test("HTTP/1.0 is never chunked, even when it says that it could take it", async () => {
    const { connect } = await drive((exchange) => {
      exchange.sendChunked(200, [], -1)
      exchange.chunk("some")
      exchange.endChunked()
    })
    const wire = (await connect()).send("GET / HTTP/1.0\r\nte: chunked\r\nconnection: keep-alive\r\n\r\n")
    const answer = await wire.answer()
    expect([answer.head.framing, answer.text]).toEqual(["close", "some"])
  })

  test("a file that becomes shorter meanwhile ends the connection visibly", async () => {
    const folder = mkdtempSync(join(tmpdir(), "plumage-node-"))
    const path = join(folder, "file")
    writeFileSync(path, Buffer.alloc(300_000))
    const done = deferred()
    const { connect } = await drive((exchange) => {
      void exchange.openFile(path).then((file) => {
        truncateSync(path, 100_000)
        void exchange.sendFile(200, [], file, 0, 300_000).then(done.resolve)
      })
    })
    await expect((await connect()).send(request("GET", "/")).answer()).rejects.toThrow()
    await done.promise
    rmSync(folder, { recursive: true })
  })

  test("informational answers go out only in their turn, and never to HTTP/1.0", async () => {
    const results: boolean[] = []
    const { connect } = await drive((exchange) => {
      results.push(exchange.inform(103, ["link", "</a>"]), exchange.inform(199, []))
      exchange.sendResp(200, [], "x")
      results.push(exchange.inform(103, []))
    })
    const answer = await (await connect()).send(request("GET", "/")).answer()
    expect(answer.informs.map((head) => [head.status, head.headers])).toEqual([
      [103, ["link", "</a>"]],
      [199, []],
    ])
    await (await connect()).send("GET / HTTP/1.0\r\n\r\n").answer()
    expect(results).toEqual([true, true, false, false, false, false])
  })
})

describe("a slow reader", () => {
  const limits = { idleTimeout: 300, highWaterMark: 10_000 }

  test("that takes nothing of a whole answer for idleTimeout is cut, and the app told why", async () => {
    const reasons: (AbortReason | undefined)[] = []
    const { connect } = await drive(
      (exchange) => {
        exchange.onClose((reason) => reasons.push(reason))
        exchange.sendResp(200, [], Buffer.alloc(30_000_000))
      },
      { limits },
    )
    const start = performance.now()
    ;(await connect()).pause().send(request("GET", "/"))
    await eventually("it is cut", () => reasons.length === 1)
    expect(reasons[0]).toBeInstanceOf(TimeoutError)
    expect(performance.now() - start).toBeGreaterThanOrEqual(290)
  })

  test("that takes nothing of a stream is cut; who waits for it is told", async () => {
    const told = deferred<boolean>()
    const { connect } = await drive(
      async (exchange) => {
        exchange.sendChunked(200, [], -1)
        for (;;) if (!(await exchange.chunk(Buffer.alloc(50_000)))) return told.resolve(true)
      },
      { limits },
    )
    ;(await connect()).pause().send(request("GET", "/"))
    expect(await told.promise).toBe(true)
  })

  test("that takes a little now and then is served to the end", async () => {
    const reasons: (AbortReason | undefined)[] = []
    const { connect } = await drive(
      (exchange) => {
        exchange.onClose((reason) => reasons.push(reason))
        exchange.sendResp(200, [], Buffer.alloc(12_000_000))
      },
      { limits },
    )
    const wire = (await connect()).pause().send(request("GET", "/"))
    let got = 0
    wire.socket.on("data", (data) => {
      got += data.length
      wire.pause()
    })
    const sip = setInterval(() => wire.resume(), 3)
    await eventually("it has all", () => got > 12_000_000, 15_000)
    clearInterval(sip)
    await eventually("it is over", () => reasons.length === 1)
    expect(reasons).toEqual([undefined])
  })

  test("an idle stream and a slow handler are not slow readers", async () => {
    const { connect } = await drive(
      (exchange) => {
        if (exchange.path === "/handler") setTimeout(() => exchange.sendResp(200, [], "late"), 900)
        else {
          exchange.sendChunked(200, [], -1)
          exchange.chunk("a".repeat(20_000))
          setTimeout(() => {
            exchange.chunk("b")
            exchange.endChunked()
          }, 900)
        }
      },
      { limits },
    )
    const [stream, handler] = [await connect(), await connect()]
    stream.send(request("GET", "/stream"))
    handler.send(request("GET", "/handler"))
    expect((await stream.answer()).body.length).toBe(20_001)
    expect((await handler.answer()).text).toBe("late")
  })
})

describe("an unread body", () => {
  test("of any framing leaves the connection usable", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(200, [], exchange.path))
    const wire = await connect()
    wire.send(request("POST", "/1", "", "x".repeat(300_000))).send(request("GET", "/2"))
    wire.send(request("POST", "/3", "transfer-encoding: chunked\r\n")).send("5\r\nabcde\r\n0\r\n\r\n")
    for (const path of ["/1", "/2", "/3"]) expect((await wire.answer()).text).toBe(path)
  })

  test("longer than drainBytes ends the connection, with the answer read", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(413, [], "too long"), {
      limits: { drainBytes: 100_000 },
    })
    const wire = (await connect()).send(request("POST", "/", "content-length: 50000000\r\n"))
    const sending = wire.sent(Buffer.alloc(5_000_000))
    const answer = await wire.answer("POST")
    expect([answer.status, answer.text, answer.header("connection")]).toEqual([413, "too long", "close"])
    await wire.ending()
    await sending
  })

  test("whose peer leaves meanwhile is forgotten with it", async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
    const { connect } = await drive((exchange) => exchange.sendResp(200, [], "x"))
    const wire = (await connect()).send(request("POST", "/", "content-length: 1000\r\n"))
    await wire.answer("POST")
    wire.rst()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
    // One is this poll's own.
    await eventually("no clock runs", () => timers() <= before + 1, 2_000)
  })

  test("broken after the answer ends the connection without another answer", async () => {
    const { connect } = await drive((exchange) => exchange.sendResp(200, [], "x"))
    const wire = (await connect()).send(request("POST", "/", "transfer-encoding: chunked\r\n"))
    expect((await wire.answer("POST")).text).toBe("x")
    wire.send("nonsense\r\n")
    expect((await wire.rest()).length).toBe(0)
  })

  test("broken while the app reads is the reader's to know", async () => {
    const { connect } = await drive(echo)
    const wire = (await connect()).send(request("POST", "/", "transfer-encoding: chunked\r\n"))
    wire.send("5\r\nabcdeXX")
    const answer = await wire.answer("POST")
    expect([answer.status, answer.text, answer.header("connection")]).toEqual([
      400,
      "the request body is malformed",
      "close",
    ])
    expect(await wire.ending()).toBe("fin")
  })

  test("broken before the app reads is known when it does", async () => {
    const { seen, connect } = await drive(() => {})
    const wire = (await connect()).send(request("POST", "/", "transfer-encoding: chunked\r\n")).send("Z\r\n")
    await eventually("the request", () => seen.length === 1)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    echo(seen[0]!)
    expect((await wire.answer("POST")).status).toBe(400)
  })
})
