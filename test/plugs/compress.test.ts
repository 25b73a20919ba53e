/** Compressed answers, read by Node's own decoders. */
import { createHook } from "node:async_hooks"
import fc from "fast-check"
import { type Conn, defineEndpoint, defineRouter, HTTPError, InvalidOptionError } from "plumage"
import { call, client, conn, exchangeOf, sentChunks, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { type CompressOptions, compress } from "../../src/plugs/compress.ts"
import { type Coding, levelsOf } from "../../src/plugs/content-codings.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { loose, settled } from "../loose.ts"
import { decode, decodeSoFar } from "./compressed.ts"

watchProcess()

const hasZstd = levelsOf("zstd") !== undefined
const all: Coding[] = ["br", "gzip", "deflate", ...(hasZstd ? (["zstd"] as const) : [])]
const long = "so it goes, and so it went; ".repeat(100)
const large = Array.from({ length: 20_000 }, (_, i) => `${i * 7919}`).join(" ")

/** A connection of a client that accepts these codings, after the plug. */
function open(accept: string | undefined, options: CompressOptions = {}, method = "GET", more = {}): Conn {
  const headers = accept === undefined ? more : { "accept-encoding": accept, ...more }
  return compress(options)(conn(method, "/", undefined, { headers })) as Conn
}
/** What was answered, with the body as the client reads it. */
function read(one: Parameters<typeof sentResp>[0]) {
  const { status, headers, bytes } = sentResp(one)
  const coding = headers["content-encoding"]
  return { status, headers, coding, size: bytes.length, text: decode(coding, bytes).toString() }
}
/** Waits until the answer is at its end. */
const ended = (one: Conn) => exchangeOf(one).until(() => exchangeOf(one).answer?.ended === true)

describe("the coding", () => {
  const chosen = (accept: string | undefined, encodings?: Coding[]) =>
    read(open(accept, encodings && { encodings }).text(long)).coding

  test.each(all)("%s is what its client can read", (coding) => {
    const sent = read(open(coding, { encodings: [coding] }).text(long))
    expect(sent).toMatchObject({ coding, text: long })
    expect(sent.size).toBeLessThan(long.length / 10)
    expect(sent.headers["content-length"]).toBe(String(sent.size))
  })

  test("is the one that the client prefers, and of equals the first that is offered", () => {
    expect(chosen("gzip, br", ["br", "gzip"])).toBe("br")
    expect(chosen("gzip, br", ["gzip", "br"])).toBe("gzip")
    expect(chosen("gzip, br;q=0.5", ["br", "gzip"])).toBe("gzip")
    expect(chosen("*", ["br", "gzip"])).toBe("br")
    expect(chosen("br;q=0, *", ["br", "gzip"])).toBe("gzip")
    expect(chosen("GZIP", ["gzip"])).toBe("gzip")
  })

  test("is of the default ones zstd, br or gzip, never deflate, which clients read in two ways", () => {
    expect(chosen("br, gzip, deflate")).toBe("br")
    expect(chosen("gzip, deflate")).toBe("gzip")
    expect(chosen("deflate")).toBeUndefined()
    expect(chosen("zstd")).toBe(hasZstd ? "zstd" : undefined)
  })

  test.each([undefined, "", "identity", "gzip;q=0", "identity;q=1, gzip;q=0.5", "compress", "\u00e9", ",,;q="])(
    "is none for a client that accepts %j, and caches are told that it might have been",
    (accept) => {
      const sent = read(open(accept, { encodings: ["br", "gzip"] }).text(long))
      expect([sent.coding, sent.text]).toEqual([undefined, long])
      expect(sent.headers["vary"]).toBe("accept-encoding")
    },
  )

  test("is asked for in all lines of the header", () => {
    const headers = [
      ["accept-encoding", "identity;q=0.5"],
      ["accept-encoding", "gzip"],
    ] as const
    const one = compress()(conn("GET", "/", undefined, { headers })) as Conn
    expect(read(one.text(long)).coding).toBe("gzip")
  })

  test("has the level that was asked for", () => {
    const size = (gzip: number) => read(open("gzip", { level: { gzip } }).text(large.slice(0, 60_000))).size
    expect(size(9)).toBeLessThan(size(1))
  })
})

describe("an answer", () => {
  test("that is compressed has a weak etag, vary, and neither accept-ranges nor a length that was put", () => {
    const one = open("gzip").putRespHeader("etag", '"a"').putRespHeader("accept-ranges", "bytes")
    const { headers } = read(one.putRespHeader("content-length", "3").putRespHeader("vary", "Origin").text(long))
    expect(headers).toMatchObject({ etag: 'W/"a"', vary: "Origin, accept-encoding", "content-encoding": "gzip" })
    expect(headers).not.toHaveProperty("accept-ranges")
    expect(read(open("gzip").putRespHeader("etag", 'W/"a"').text(long)).headers["etag"]).toBe('W/"a"')
  })

  test("that could have been compressed and was not keeps its strong etag", () => {
    const { headers } = read(open("identity").putRespHeader("etag", '"a"').text(long))
    expect(headers).toMatchObject({ etag: '"a"', vary: "accept-encoding" })
  })

  test("is compressed from the threshold on, counted in bytes", () => {
    const coding = (body: string, threshold?: number) =>
      read(open("gzip", threshold === undefined ? {} : { threshold }).text(body)).coding
    expect([coding("x".repeat(1_023)), coding("x".repeat(1_024))]).toEqual([undefined, "gzip"])
    expect([coding("é".repeat(511)), coding("é".repeat(512))]).toEqual([undefined, "gzip"])
    expect(coding("x".repeat(100), 100)).toBe("gzip")
    expect(read(open("gzip").text("short")).headers).not.toHaveProperty("vary")
  })

  test("that would not become shorter is sent as it is", () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(4_000)))
    const one = open("gzip").putRespContentType("text/plain").sendResp(200, noise)
    expect(Buffer.from(sentResp(one).bytes)).toEqual(noise)
    expect(read(one).headers).toMatchObject({ vary: "accept-encoding", "content-length": "4000" })
  })

  test.each([
    "text/html",
    "text/css; charset=utf-8",
    "Application/JSON",
    "application/problem+json",
    "application/rss+xml",
    "text/javascript",
    "application/wasm",
    "image/svg+xml",
    "font/ttf",
  ])("of type %s is compressed", (type) => {
    expect(read(open("gzip").putRespHeader("content-type", type).sendResp(200, long)).coding).toBe("gzip")
  })

  test.each([
    "image/png",
    "video/mp4",
    "audio/ogg",
    "application/zip",
    "application/gzip",
    "application/octet-stream",
    "application/pdf",
    "font/woff2",
    "text/event-stream",
    "nonsense",
    "",
  ])("of type %j is left alone, without vary", (type) => {
    const { coding, headers } = read(open("gzip").putRespHeader("content-type", type).sendResp(200, long))
    expect([coding, headers["vary"]]).toEqual([undefined, undefined])
  })

  test("without a type is left alone", () => {
    expect(read(open("gzip").sendResp(200, long)).coding).toBeUndefined()
  })

  test("is compressed by the types that were given instead", () => {
    const types = (type: string) => type === "application/x-mine"
    const coding = (type: string) => {
      const one = open("gzip", { types }).putRespHeader("content-type", type)
      return read(one.sendResp(200, long)).coding
    }
    expect([coding("application/X-Mine ; a=b"), coding("text/html")]).toEqual(["gzip", undefined])
  })

  test.each([
    ["content-encoding", "br"],
    ["content-encoding", "identity"],
    ["content-range", "bytes 0-1/2"],
    ["cache-control", "public, no-transform"],
    ["cache-control", "No-Transform"],
    ["content-digest", "sha-256=:x:"],
  ])("with %s: %s is left alone", (name, value) => {
    const one = open("gzip").putRespHeader(name, value).putRespHeader("etag", '"a"').text(long)
    expect(sentResp(one).body).toBe(long)
    expect(sentResp(one).headers).toMatchObject({ etag: '"a"', [name]: value })
    expect(sentResp(one).headers).not.toHaveProperty("vary")
  })

  test.each([204, 205, 206, 304])("of status %i is left alone", (status) => {
    const one = open("gzip").putRespContentType("text/plain").sendResp(status, long)
    expect(sentResp(one).headers).not.toHaveProperty("content-encoding")
  })

  test("that is an error's page is compressed as any other", async () => {
    const page = defineEndpoint()
      .plug(compress({ threshold: 10 }))
      .router(
        defineRouter((r) => [
          r.get("/", () => {
            throw new HTTPError(409, long)
          }),
        ]),
      )
    const answer = await client(page).get("/", undefined, { headers: { "accept-encoding": "gzip" } })
    expect([answer.status, answer.header("content-encoding")]).toEqual([409, "gzip"])
    expect(decode("gzip", await answer.bytes()).toString()).toContain(long)
  })

  test("that is a file is left alone", async () => {
    const one = open("gzip")
    await one.serveFile(import.meta.filename)
    expect(sentResp(one).headers).not.toHaveProperty("content-encoding")
    expect(sentResp(one).headers["etag"]).toMatch(/^"/)
  })

  test("that is sync stays sync", () => {
    expect(call((conn: Conn) => conn.text("x".repeat(65_536)), open("gzip"))).not.toBeInstanceOf(Promise)
  })

  test("says how many bytes of it were sent", async () => {
    const one = open("gzip")
    one.text(long)
    expect(one.bytesSent).toBe(sentResp(one).bytes.length)
    const other = open("gzip")
    await call((conn: Conn) => conn.text(large), other)
    expect(other.bytesSent).toBe(sentResp(other).bytes.length)
  })

  test("is read back whatever is in it", () => {
    const body = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 5_000 }))
    fc.assert(
      fc.property(body, fc.constantFrom(...all), fc.nat(2_000), (body, coding, threshold) => {
        const one = open(coding, { encodings: [coding], threshold }).putRespContentType("text/plain")
        one.sendResp(200, body)
        const { headers, bytes } = sentResp(one)
        expect(decode(headers["content-encoding"], bytes).equals(Buffer.from(body as string))).toBe(true)
        expect(headers["content-length"]).toBe(String(bytes.length))
      }),
    )
  })
})

describe("HEAD", () => {
  const headers = async (method: string, body: string | undefined) => {
    const one = open("gzip", {}, method).putRespHeader("etag", '"a"').putRespContentType("text/plain")
    if (body !== undefined) await call((conn: Conn) => conn.sendResp(200, body), one)
    else {
      const stream = one.sendChunked(200)
      stream.chunk(long)
      stream.close()
      await ended(one)
    }
    const { headers, bytes } = sentResp(one)
    return { headers, size: bytes.length }
  }

  test("has the headers of GET, the length of the compressed body too", async () => {
    const [get, head] = [await headers("GET", long), await headers("HEAD", long)]
    expect(head).toEqual({ headers: get.headers, size: 0 })
    expect(head.headers).toMatchObject({ "content-encoding": "gzip", "content-length": String(get.size) })
  })

  test("of a large body or of a stream says no length, rather than compress it for that or say a wrong one", async () => {
    for (const body of [large, undefined]) {
      const [get, head] = [await headers("GET", body), await headers("HEAD", body)]
      const { "content-length": _, ...rest } = get.headers
      expect(head).toEqual({ headers: rest, size: 0 })
      expect(head.headers).toMatchObject({ "content-encoding": "gzip", etag: 'W/"a"' })
    }
  })
})

describe("a 304", () => {
  const etag = (ifNoneMatch: string) =>
    sentResp(open("gzip", {}, "GET", { "if-none-match": ifNoneMatch }).putRespHeader("etag", '"a"').sendResp(304))
      .headers

  test("names the compressed answer where the client has that", () => {
    expect(etag('W/"b", W/"a"')).toMatchObject({ etag: 'W/"a"', vary: "accept-encoding" })
    expect(etag('"a"')).toMatchObject({ etag: '"a"' })
    expect(etag("*")).toMatchObject({ etag: '"a"' })
  })
})

describe("a body above 64 kB", () => {
  test.each(all)(
    "is compressed with %s on another thread while the answer waits, and has its length",
    async (coding) => {
      const one = open(coding, { encodings: [coding] })
      const answered = call((conn: Conn) => conn.text(large), one)
      expect(answered).toBeInstanceOf(Promise)
      expect(exchangeOf(one).answers).toBe(0)
      await answered
      const sent = read(one)
      expect(sent).toMatchObject({ coding, text: large })
      expect(sent.headers["content-length"]).toBe(String(sent.size))
    },
  )

  test("is compressed as it is sent, where a callback that runs later still changes it", async () => {
    const early = conn("GET", "/", undefined, { headers: { "accept-encoding": "gzip" } })
    early.registerBeforeSend((conn) => conn.resp(200, `${conn.respBody}!`))
    const one = compress()(early) as Conn
    await call((conn: Conn) => conn.text(large), one)
    expect(read(one).text).toBe(`${large}!`)
  })

  test("whose client leaves meanwhile harms nobody", async () => {
    const one = open("gzip")
    const answered = call((conn: Conn) => conn.text(large), one)
    exchangeOf(one).disconnect()
    await answered
    expect(exchangeOf(one).answer).toBeUndefined()
  })

  test("gives way to the error of another callback, whose page is not taken for compressed", async () => {
    const one = open("gzip")
    one.registerBeforeSend(() => Promise.reject(new HTTPError(503, "the store is down")))
    await call((conn: Conn) => conn.text(large), one)
    expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\nthe store is down\n" })
    expect(sentResp(one).headers).not.toHaveProperty("content-encoding")
  })
})

describe("a stream", () => {
  const stream = (coding: Coding, options: CompressOptions = {}) => {
    const one = open(coding, { encodings: [coding], ...options }).putRespContentType("text/plain")
    return { one, chunked: one.sendChunked(200) }
  }
  const soFar = (one: Conn, coding: string) => decodeSoFar(coding, sentResp(one).bytes).toString()

  test.each(all)("of %s arrives chunk by chunk, each as it is written", async (coding) => {
    const { one, chunked } = stream(coding)
    expect(sentResp(one).headers).toMatchObject({ "content-encoding": coding, vary: "accept-encoding" })
    let all = ""
    for (const word of ["so ", "it ", "göes", " on"]) {
      all += word
      expect(chunked.chunk(word)).toBe(true)
      await exchangeOf(one).until(() => soFar(one, coding) === all)
    }
    chunked.close()
    expect(chunked.chunk("more")).toBe(false)
    await ended(one)
    expect(read(one).text).toBe(all)
    expect(one.bytesSent).toBe(sentResp(one).bytes.length)
  })

  test("without flush is shorter, and arrives when there is enough of it", async () => {
    const size = async (flush: boolean) => {
      const { one, chunked } = stream("gzip", { flush })
      for (let i = 0; i < 100; i++) await chunked.chunk("so it goes ")
      chunked.close()
      await ended(one)
      expect(read(one).text).toBe("so it goes ".repeat(100))
      return { size: sentResp(one).bytes.length, parts: sentChunks(one).length }
    }
    const [flushed, whole] = [await size(true), await size(false)]
    expect(whole.size).toBeLessThan(flushed.size / 5)
    expect(whole.parts).toBeLessThan(5)
    expect(flushed.parts).toBeGreaterThan(20)
  })

  test("is read back however it was cut into chunks and however the client stopped and went on", async () => {
    const step = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 50 }),
      fc.uint8Array({ maxLength: 50 }),
      fc.integer({ min: 1, max: 40_000 }),
      fc.constantFrom("pause" as const, "resume" as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.constantFrom(...all), async (steps, coding) => {
        const { one, chunked } = stream(coding)
        const wanted: Buffer[] = []
        for (const step of steps) {
          if (step === "pause") exchangeOf(one).pause()
          else if (step === "resume") exchangeOf(one).resume()
          else {
            const data = typeof step === "number" ? Buffer.from(large).subarray(0, step) : step
            void chunked.chunk(data)
            wanted.push(Buffer.from(data as string))
          }
        }
        chunked.close()
        exchangeOf(one).resume()
        await ended(one)
        expect(decode(coding, sentResp(one).bytes).equals(Buffer.concat(wanted))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test("of a slow client waits for it, tells its writer so, and goes on when the client does", async () => {
    const noise = () => crypto.getRandomValues(new Uint8Array(8_192))
    const [slow, fast] = [stream("gzip"), stream("gzip")]
    exchangeOf(slow.one).pause()
    const written = Array.from({ length: 50 }, () => slow.chunked.chunk(noise()))
    let told: unknown
    const last = Promise.resolve(written.at(-1)).then((room) => {
      told = room
    })
    // What was given to the other later is through: so would be what was given to this one.
    for (let n = 0; n < 50; n++) await fast.chunked.chunk(noise())
    fast.chunked.close()
    await ended(fast.one)
    expect(sentChunks(slow.one).length).toBeLessThan(3)
    expect(told).toBeUndefined()
    exchangeOf(slow.one).resume()
    await last
    expect(told).toBe(true)
    slow.chunked.close()
    await ended(slow.one)
    expect(decode("gzip", sentResp(slow.one).bytes).length).toBe(50 * 8_192)
  })

  test("lets a writer that waits keep no more than a chunk or two", async () => {
    const { one, chunked } = stream("gzip")
    exchangeOf(one).pause()
    let pulled = 0
    for (let room: unknown = true; room === true && pulled < 1_000; pulled++) {
      room = chunked.chunk(crypto.getRandomValues(new Uint8Array(8_192)))
      await settled()
    }
    expect(pulled).toBeLessThan(20)
    exchangeOf(one).disconnect()
  })

  test("whose writer ignores that loses the client at the bound", async () => {
    const headers = { "accept-encoding": "gzip" }
    const limits = { backlogBytes: 100_000 }
    const one = compress()(conn("GET", "/", undefined, { headers, limits })) as Conn
    const chunked = one.putRespContentType("text/plain").sendChunked(200)
    exchangeOf(one).pause()
    let told: unknown = true
    for (let i = 0; i < 1_000 && told !== false; i++) told = chunked.chunk("x".repeat(1_000))
    expect(told).toBe(false)
    await exchangeOf(one).until(() => exchangeOf(one).aborted)
    expect(one.signal.reason.code).toBe("ERR_TIMEOUT")
  })

  test("whose client leaves answers false, to those who wait and to those who come", async () => {
    const { one, chunked } = stream("gzip")
    const waiting = chunked.chunk("x".repeat(100_000))
    exchangeOf(one).disconnect()
    expect(await waiting).toBe(false)
    expect(chunked.chunk("x")).toBe(false)
    expect(() => chunked.close()).not.toThrow()
  })

  test("that fails is cut after what was written, and cannot be taken for a whole one", async () => {
    const endpoint = defineEndpoint({ onError: () => undefined })
      .plug(compress())
      .router(
        defineRouter((r) => [
          r.get("/", (conn) => {
            conn.putRespContentType("text/plain").sendChunked(200).initChunk("so far")
            throw new Error("no")
          }),
        ]),
      )
    const answer = await client(endpoint).get("/", undefined, { headers: { "accept-encoding": "gzip" } })
    await expect(answer.bytes()).rejects.toThrow(/cut/)
    const bytes = Buffer.concat(answer.exchange.answer!.parts)
    expect(decodeSoFar("gzip", bytes).toString()).toBe("so far")
    expect(() => decode("gzip", bytes)).toThrow()
  })

  test("takes chunks from a buffer that its writer fills anew", async () => {
    const { one, chunked } = stream("gzip")
    const buffer = Buffer.alloc(4)
    for (const word of ["one,", "two,", "six."]) {
      buffer.write(word)
      expect(chunked.chunk(buffer)).toBe(true)
    }
    chunked.close()
    await ended(one)
    expect(read(one).text).toBe("one,two,six.")
  })

  test("that was announced with a length is sent without", async () => {
    const one = open("gzip").putRespContentType("text/plain").putRespHeader("content-length", String(long.length))
    const chunked = one.sendChunked(200)
    chunked.chunk(long)
    chunked.close()
    await ended(one)
    expect(read(one).text).toBe(long)
    expect(read(one).headers).not.toHaveProperty("content-length")
  })

  test("that waits for a promise is compressed when it goes, and not when it fails", async () => {
    for (const error of [undefined, new HTTPError(503, "down")]) {
      const one = open("gzip").putRespContentType("text/plain")
      one.registerBeforeSend(async () => {
        await settled()
        if (error !== undefined) throw error
      })
      const chunked = one.sendChunked(200)
      void chunked.chunk(long)
      chunked.close()
      await ended(one)
      if (error === undefined) expect(read(one)).toMatchObject({ coding: "gzip", text: long })
      else expect(sentResp(one)).toMatchObject({ status: 503, body: "503 Service Unavailable\ndown\n" })
    }
  })

  test("above maxStreams goes as it is, and one that has ended makes room", async () => {
    const plug = compress({ maxStreams: 2 })
    const begin = () => {
      const one = plug(conn("GET", "/", undefined, { headers: { "accept-encoding": "gzip" } })) as Conn
      const chunked = one.putRespContentType("text/plain").sendChunked(200)
      void chunked.chunk(long)
      return { one, chunked, coding: sentResp(one).headers["content-encoding"] }
    }
    const [first, second, third] = [begin(), begin(), begin()]
    expect([first.coding, second.coding, third.coding]).toEqual(["gzip", "gzip", undefined])
    expect(sentResp(third.one)).toMatchObject({ body: long, headers: { vary: "accept-encoding" } })
    first.chunked.close()
    await ended(first.one)
    exchangeOf(second.one).disconnect()
    expect([begin().coding, begin().coding, begin().coding]).toEqual(["gzip", "gzip", undefined])
  })

  test("of which 1,000 were killed leaves no compressor behind", async () => {
    const alive = new Set<object>()
    let made = 0
    // The handle of each compressor tells of its end: nothing else in the platform does before the garbage is collected.
    const hook = createHook({
      init(_id, type, _trigger, handle) {
        const real = handle as { close?: () => void }
        if (!/ZLIB|BROTLI|ZSTD/i.test(type) || typeof real.close !== "function") return
        made++
        alive.add(handle)
        Object.assign(handle, {
          close() {
            alive.delete(handle)
            Object.getPrototypeOf(handle).close.call(handle)
          },
        })
      },
    }).enable()
    try {
      for (let round = 0; round < 20; round++) {
        const streams = Array.from({ length: 50 }, (_, i) => stream(all[i % all.length]!))
        for (const [i, { one, chunked }] of streams.entries()) {
          if (i % 2 === 0) void chunked.chunk("x".repeat(i * 100))
          if (i % 7 === 0) chunked.close()
          if (i % 3 === 0) exchangeOf(one).disconnect()
          else if (i % 3 === 1) exchangeOf(one).abort()
          else one.exchange.abort()
        }
        await Promise.all(streams.map(({ one }) => ended(one)))
        await settled()
      }
    } finally {
      hook.disable()
    }
    expect(made).toBe(1_000)
    expect(alive.size).toBe(0)
  })
})

describe("an event stream", () => {
  const events = async function* () {
    yield { data: "one" }
    yield { data: { n: 2 } }
  }

  test("is left alone, as its no-transform says", async () => {
    const one = open("gzip")
    one.eventStream(events)
    await ended(one)
    expect(sentChunks(one)).toEqual([":\n\n", "data: one\n\n", 'data: {"n":2}\n\n'])
    expect(sentResp(one).headers).not.toHaveProperty("content-encoding")
  })

  test.each(all)("is compressed with %s where that is asked for, each event in a part of its own", async (coding) => {
    const one = open(coding, { encodings: [coding], eventStreams: true, flush: false })
    const gate: { next?: () => void } = {}
    one.eventStream(async function* () {
      for (let n = 0; n < 3; n++) {
        yield { data: n }
        await new Promise<void>((resolve) => {
          gate.next = resolve
        })
      }
    })
    expect(sentResp(one).headers).toMatchObject({ "content-encoding": coding, "x-accel-buffering": "no" })
    let all = ":\n\n"
    for (let n = 0; n < 3; n++) {
      all += `data: ${n}\n\n`
      await exchangeOf(one).until(() => decodeSoFar(coding, sentResp(one).bytes).toString() === all)
      gate.next?.()
    }
    await ended(one)
    expect(read(one).text).toBe(all)
  })

  test("that fails says so in an event that can still be read", async () => {
    const one = compress({ eventStreams: true })(
      conn("GET", "/", undefined, { headers: { "accept-encoding": "gzip" }, onError: () => undefined }),
    ) as Conn
    one.eventStream(async function* () {
      yield { data: "one" }
      throw new Error("canary")
    })
    await ended(one)
    expect(exchangeOf(one).aborted).toBe(true)
    expect(decodeSoFar("gzip", sentResp(one).bytes).toString()).toBe(
      ':\n\ndata: one\n\nevent: error\ndata: {"code":"ERR_INTERNAL"}\n\n',
    )
  })

  test("whose server stops says goodbye", async () => {
    const one = open("gzip", { eventStreams: true })
    one.eventStream(async function* (signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve))
      yield { data: "never" }
    })
    await settled()
    exchangeOf(one).drain()
    await ended(one)
    expect(read(one).text).toMatch(/^:\n\nretry: \d+\n\n$/)
  })
})

test("an upgrade is no answer to compress", () => {
  const one = open("gzip")
  expect(() => loose(one).upgrade("websocket", {})).toThrow(/websocket/)
})

test.each([
  { encodings: [] },
  { encodings: ["snappy"] },
  { encodings: "gzip" },
  ...(hasZstd ? [] : [{ encodings: ["zstd"] }]),
  { level: { gzip: 10 } },
  { level: { gzip: 0 } },
  { level: { br: 1.5 } },
  { level: { snappy: 1 } },
  { level: 6 },
  { threshold: -1 },
  { threshold: "1kb" },
  { types: /text/ },
  { flush: 1 },
  { eventStreams: "yes" },
  { maxStreams: -1 },
  { treshold: 1 },
])("refuses %j when it is made", (options) => {
  expect(() => compress(options as unknown as CompressOptions)).toThrow(InvalidOptionError)
  expect(() => compress(options as unknown as CompressOptions)).toThrow(/^compress/)
})
