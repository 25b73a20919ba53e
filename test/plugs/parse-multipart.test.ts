import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import fc from "fast-check"
import {
  ClientGoneError,
  type Conn,
  HTTPError,
  ParseError,
  RequestTimeoutError,
  RequestTooLargeError,
  ServiceUnavailableError,
} from "plumage"
import { call, exchangeOf } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { type MultipartOptions, multipart } from "../../src/plugs/parse-multipart.ts"
import { parsers } from "../../src/plugs/parsers.ts"
import { Upload } from "../../src/plugs/upload.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { bodyOf, boundary, failingAt, formData, inPieces, type Piece, post, tempFiles } from "./multipart-bodies.ts"

watchProcess()

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "uploads-test-"))
})
afterAll(() => rmSync(root, { recursive: true }))

const parse = async (one: Conn, options: MultipartOptions = {}): Promise<Conn> =>
  call(parsers({ parsers: [multipart({ tmpDir: root, ...options })] }), one)
const paramsOf = async (pieces: readonly Piece[], options?: MultipartOptions) =>
  (await parse(post(bodyOf(pieces)), options)).bodyParams
const failure = (one: Conn, options?: MultipartOptions): Promise<unknown> =>
  parse(one, options).then(
    () => undefined,
    (error: unknown) => error,
  )
const text = (upload: unknown) => readFileSync((upload as Upload).path, "utf8")
/** Deletion is asynchronous; nothing tells when it is done but the folder. */
const nothingLeft = () => vi.waitFor(() => expect(tempFiles(root)).toEqual([]), { interval: 1 })

describe("the fields of a form", () => {
  test("are text, in the grammar of parameter names", async () => {
    const params = await paramsOf([
      { name: "title", body: "žluťoučký 🐎" },
      { name: "user[name]", body: "ann" },
      { name: "user[tags][]", body: "x" },
      { name: "user[tags][]", body: "y" },
      { name: "last", body: "1" },
      { name: "last", body: "2" },
      { name: "empty", body: "" },
    ])
    expect(params).toEqual({
      title: "žluťoučký 🐎",
      user: { name: "ann", tags: ["x", "y"] },
      last: "2",
      empty: "",
    })
  })

  test("keep line ends and what only looks like a boundary", async () => {
    const body = `\r\na\r\n--\r\n-${boundary}\r\n\n--${boundary.slice(0, -1)}\r\n`
    expect(await paramsOf([{ name: "a", body }])).toEqual({ a: body })
  })

  test("without a name give nothing, and neither does a part without a disposition", async () => {
    const params = await paramsOf([
      { body: "nameless" },
      { filename: "x.txt", body: "nameless" },
      { head: "Content-Type: text/plain", body: "x" },
      { head: "X: y", body: "x" },
      { name: "a", body: "1" },
    ])
    expect(params).toEqual({ a: "1" })
    await nothingLeft()
  })

  test("are in the charset that the part names, UTF-8 without one", async () => {
    const params = await paramsOf([
      { name: "latin", type: "text/plain; charset=iso-8859-1", body: Uint8Array.of(0xe9) },
      { name: "utf8", type: "text/plain; charset=UTF-8", body: "é" },
      { name: "plain", body: "é" },
    ])
    expect(params).toEqual({ latin: "é", utf8: "é", plain: "é" })
    const unknown = await failure(
      post(bodyOf([{ name: "a", type: "text/plain; charset=x-unknown", body: Uint8Array.of(0xe9) }])),
    )
    expect(unknown).toBeInstanceOf(ParseError)
  })

  test.each([
    ["a lone byte", [0xff]],
    ["a cut character", [0xe2, 0x82]],
    ["an overlong form", [0xc0, 0xaf]],
    ["half a surrogate pair", [0xed, 0xa0, 0x80]],
  ])("with %s are a 400, unless UTF-8 is not wanted", async (_, bytes) => {
    const body = bodyOf([{ name: "a", body: Uint8Array.from(bytes) }])
    expect(await failure(post(body))).toBeInstanceOf(ParseError)
    expect((await parse(post(body), { validateUtf8: false })).bodyParams["a"]).toContain("\ufffd")
    const name = bodyOf([{ head: "", body: "" }])
      .toString("latin1")
      .replace("\r\n\r\n", "")
    expect(name).toContain(boundary)
    const badName = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="a`),
      Uint8Array.from(bytes),
      Buffer.from(`"\r\n\r\nx\r\n--${boundary}--\r\n`),
    ])
    expect(await failure(post(badName))).toBeInstanceOf(ParseError)
  })

  test("may hold U+FFFD when that is what was sent, wherever the pieces are cut", async () => {
    const pieces = [
      { name: "a", body: "x\ufffdy\ufffd" },
      { name: "b\ufffd", body: "\ufffd" },
    ]
    for (const size of [1, 2, 3, 7, 65_536]) {
      const one = await parse(inPieces(post(bodyOf(pieces)), size))
      expect(one.bodyParams, String(size)).toEqual({ a: "x\ufffdy\ufffd", "b\ufffd": "\ufffd" })
    }
  })

  test("have no prototype, whatever their names are", async () => {
    const params = await paramsOf([
      { name: "__proto__[x]", body: "1" },
      { name: "a[__proto__][x]", body: "1" },
      { name: "constructor[prototype][x]", body: "1" },
    ])
    expect(Object.getPrototypeOf(params)).toBeNull()
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
    expect(Object.keys(params)).toEqual(["__proto__", "a", "constructor"])
  })
})

describe("the files of a form", () => {
  test("are uploads: temporary files that only this user can read, in a folder of this process", async () => {
    const one = await parse(
      post(
        bodyOf([
          { name: "user[avatar]", filename: "../../a b.png", type: "image/png", body: "\x89PNG" },
          { name: "list[]", filename: "1", body: "one" },
          { name: "list[]", filename: "2", body: "" },
        ]),
      ),
    )
    const params = one.bodyParams as { user: { avatar: Upload }; list: Upload[] }
    const { avatar } = params.user
    expect(avatar).toBeInstanceOf(Upload)
    expect([avatar.filename, avatar.safeFilename, avatar.contentType, avatar.size]).toEqual([
      "../../a b.png",
      "a b.png",
      "image/png",
      5,
    ])
    expect(text(avatar)).toBe("\x89PNG")
    expect(params.list.map(text)).toEqual(["one", ""])
    expect(statSync(avatar.path).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(avatar.path)).mode & 0o777).toBe(0o700)
    expect(dirname(dirname(avatar.path))).toBe(root)
    expect(avatar.path).not.toContain("png")
    one.text("x")
    await nothingLeft()
  })

  test("hold every byte, however the body is cut", async () => {
    const body = Buffer.alloc(
      300_000,
      Uint8Array.from({ length: 251 }, (_, i) => i),
    )
    for (const size of [1013, 65_536, 1_000_000]) {
      const one = await parse(inPieces(post(bodyOf([{ name: "f", filename: "f", body }])), size))
      const upload = one.bodyParams["f"] as Upload
      expect(readFileSync(upload.path).equals(body)).toBe(true)
      expect(upload.size).toBe(body.length)
      one.text("")
    }
    await nothingLeft()
  })

  test("are not there when the input was left empty", async () => {
    const empty = { name: "f", filename: "", type: "application/octet-stream", body: "" }
    expect(await paramsOf([empty, { name: "a", body: "1" }])).toEqual({ a: "1" })
    await nothingLeft()
  })

  test("need not be UTF-8, nor need their names", async () => {
    const body = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="`),
      Uint8Array.of(0xe9),
      Buffer.from('"\r\n\r\n'),
      Uint8Array.of(0xff, 0xfe),
      Buffer.from(`\r\n--${boundary}\r\nContent-Disposition: form-data; name="g"\r\n\r\n\ufffd\r\n--${boundary}--`),
    ])
    const one = await parse(post(body))
    expect([...readFileSync((one.bodyParams["f"] as Upload).path)]).toEqual([0xff, 0xfe])
    expect(one.bodyParams["g"]).toBe("\ufffd")
    one.text("")
  })

  test("have the name of filename*, decoded", async () => {
    const head = `Content-Disposition: form-data; name="f"; filename*=utf-8''na%C3%AFve%20file.txt`
    const one = await parse(post(bodyOf([{ head, body: "x" }])))
    expect((one.bodyParams["f"] as Upload).filename).toBe("naïve file.txt")
    one.text("")
  })

  test("come with multipart/mixed, too, and with a quoted boundary", async () => {
    const mark = "a'()+_,-./:=? b"
    const one = await parse(
      post(bodyOf([{ name: "f", filename: "f", body: "x" }], mark), `Multipart/MIXED; Boundary="${mark}"`),
    )
    expect(text(one.bodyParams["f"])).toBe("x")
    one.text("")
  })

  test("die with the request, however it ends", async () => {
    const form = bodyOf([{ name: "f", filename: "f", body: "x" }])
    for (const end of [
      (one: Conn) => void one.text("x"),
      (one: Conn) => void one.sendResp(500, ""),
      (one: Conn) => exchangeOf(one).disconnect(),
      (one: Conn) => exchangeOf(one).cut(),
    ]) {
      const one = await parse(post(form))
      expect(tempFiles(root)).toHaveLength(1)
      end(one)
      await nothingLeft()
    }
  })

  test("are deleted when the client leaves midway, is too slow, or breaks the framing", async () => {
    const form = bodyOf([
      { name: "f", filename: "f", body: "x".repeat(1000) },
      { name: "g", filename: "g", body: "y".repeat(1000) },
    ])
    for (const error of [new ClientGoneError(), new RequestTimeoutError(), new HTTPError(400, "x")]) {
      for (const at of [0, 50, 500, 1150, 1500, form.length - 30]) {
        expect(await failure(failingAt(inPieces(post(form), 100), at, error))).toBe(error)
        expect(tempFiles(root)).toEqual([])
      }
    }
  })

  test("are deleted when the request is over before the body was parsed", async () => {
    const one = post(bodyOf([{ name: "f", filename: "f", body: "x" }]))
    one.text("early")
    await parse(one)
    await nothingLeft()
  })
})

describe("what fetch writes", () => {
  const name = fc
    .string({ unit: "binary", minLength: 1, maxLength: 20 })
    .filter((text) => !/["\\[\]\r\n\0-\x1f\x7f]/.test(text))
  const entry = fc.oneof(
    fc.record({ name, value: fc.string({ unit: "binary" }) }),
    fc.record({ name, file: fc.uint8Array({ maxLength: 300 }), filename: name }),
  )

  test("is read as it was meant: every text and file, by the last of a name", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 999 }),
        async (entries, size) => {
          const data = new FormData()
          const wanted: Record<string, unknown> = Object.create(null)
          for (const one of entries) {
            if ("value" in one) {
              data.append(one.name, one.value)
              // Forms have one kind of line end on the wire.
              wanted[one.name] = one.value.replace(/\r\n?|\n/g, "\r\n")
            } else {
              data.append(one.name, new Blob([Uint8Array.from(one.file)]), one.filename)
              wanted[one.name] = [one.filename, Buffer.from(one.file).toString("hex")]
            }
          }
          const written = new Response(data)
          const type = written.headers.get("content-type")!
          const one = await parse(inPieces(post(Buffer.from(await written.arrayBuffer()), type), size))
          const seen: Record<string, unknown> = Object.create(null)
          for (const [key, value] of Object.entries(one.bodyParams)) {
            seen[key] = value instanceof Upload ? [value.filename, readFileSync(value.path).toString("hex")] : value
          }
          expect(seen).toEqual(wanted)
          one.text("")
        },
      ),
      { numRuns: 300 },
    )
    await nothingLeft()
  })
})

describe("limits", () => {
  const file = (size: number): Piece => ({ name: "f", filename: "f", body: "x".repeat(size) })

  test("the length counts everything that arrives: heads and boundaries too", async () => {
    const form = bodyOf([{ name: "a", body: "" }, file(10)])
    for (const size of [13, 65_536]) {
      const fits = await parse(inPieces(post(form), size), { length: form.length })
      expect((fits.bodyParams["f"] as Upload).size).toBe(10)
      fits.text("")
      const undeclared = (one: Conn) => {
        const exchange = exchangeOf(one)
        const get = exchange.getHeader.bind(exchange)
        exchange.getHeader = (name) => (name === "content-length" ? "1" : get(name))
        return one
      }
      for (const one of [post(form), undeclared(post(form))]) {
        expect(await failure(inPieces(one, size), { length: form.length - 1 })).toBeInstanceOf(RequestTooLargeError)
      }
    }
    await nothingLeft()
  })

  test("a length that is declared too long is refused before a byte is read", async () => {
    const one = post("x", formData, { headers: { "content-length": "8000001" } })
    const read = vi.spyOn(exchangeOf(one), "readBody")
    expect(await failure(one)).toBeInstanceOf(RequestTooLargeError)
    expect(read).not.toHaveBeenCalled()
  })

  test.each<[string, MultipartOptions, readonly Piece[], readonly Piece[]]>([
    ["bytes of a file", { fileLength: 5 }, [file(5)], [file(6)]],
    ["bytes of a field", { fieldLength: 5 }, [{ name: "a", body: "12345" }], [{ name: "a", body: "123456" }]],
    ["parts", { maxParams: 2 }, [file(1), { body: "" }], [file(1), { body: "" }, { body: "" }]],
    ["files", { maxFiles: 1 }, [file(1), { name: "a", body: "" }], [file(1), file(1)]],
  ])("of %s: what fits is taken, one more is a 413 that leaves nothing", async (_, options, fits, more) => {
    const one = await parse(post(bodyOf(fits)), options)
    expect(Object.keys(one.bodyParams).length).toBeGreaterThan(0)
    one.text("")
    for (const size of [11, 65_536]) {
      expect(await failure(inPieces(post(bodyOf(more)), size), options)).toBeInstanceOf(RequestTooLargeError)
    }
    await nothingLeft()
  })

  test("a head over 16 kB is a 400, and so is a name with too many brackets", async () => {
    const head = `Content-Disposition: form-data; name="a"\r\nX: ${"y".repeat(16_384)}`
    expect(await failure(post(bodyOf([file(1), { head, body: "" }])))).toBeInstanceOf(ParseError)
    const name = `a${"[b]".repeat(33)}`
    expect(await failure(post(bodyOf([file(1), { name, body: "" }])))).toBeInstanceOf(ParseError)
    expect(await paramsOf([{ name: `a${"[b]".repeat(32)}`, body: "" }])).toHaveProperty("a")
    await nothingLeft()
  })
})

describe("what is malformed is a 400", () => {
  const whole = bodyOf([
    { name: "f", filename: "f", body: "x".repeat(50) },
    { name: "a", body: "1" },
  ])

  test("wherever the body ends too early", async () => {
    // Behind the closing "--" nothing more is needed.
    const end = whole.length - 2
    for (let at = 1; at < end; at++) {
      expect(await failure(post(whole.subarray(0, at))), `cut at ${at}`).toBeInstanceOf(ParseError)
    }
    const one = await parse(post(whole.subarray(0, end)))
    expect(one.bodyParams["a"]).toBe("1")
    one.text("")
    await nothingLeft()
  })

  test.each([
    ["no boundary", "multipart/form-data"],
    ["an empty boundary", 'multipart/form-data; boundary=""'],
    ["a boundary of 71 characters", `multipart/form-data; boundary=${"b".repeat(71)}`],
    ["another boundary", "multipart/form-data; boundary=other"],
  ])("%s", async (_, type) => {
    expect(await failure(post(whole, type))).toBeInstanceOf(ParseError)
  })

  test("no body at all, at once", async () => {
    expect(() => call(parsers(), post(""))).toThrow(ParseError)
  })

  test.each([
    ["a head line without a colon", "Content-Disposition form-data"],
    ["a head line with a space in its name", "Content Disposition: form-data"],
    ["a bare CR in a head", 'Content-Disposition: form-data; name="a"\r X: y'],
    ["a NUL in a head", 'Content-Disposition: form-data; name="a\0"'],
  ])("%s", async (_, head) => {
    expect(await failure(post(bodyOf([{ head, body: "" }])))).toBeInstanceOf(ParseError)
  })
})

describe("a disk that fails", () => {
  const form = bodyOf([{ name: "f", filename: "f", body: "x".repeat(200_000) }])
  const withCode = (code: string) => Object.assign(new Error(code), { code })

  test("for making the folder is a 503 that keeps its cause", async () => {
    const file = join(root, "no-folder")
    writeFileSync(file, "")
    for (const [tmpDir, code] of [
      [file, "ENOTDIR"],
      [join(root, "missing"), "ENOENT"],
    ]) {
      const error = await failure(post(form), { tmpDir: tmpDir! })
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect((error as Error).cause).toMatchObject({ code })
    }
    rmSync(file)
  })

  test.each(["appendFile", "close"] as const)("in %s is a 503, and nothing is left behind", async (method) => {
    const probe = await open(import.meta.filename)
    await probe.close()
    const prototype = Object.getPrototypeOf(probe)
    const spy = vi.spyOn(prototype, "appendFile").mockImplementation(async function (this: typeof probe) {
      if (method === "appendFile") throw withCode("ENOSPC")
      const { close } = this
      this.close = async () => {
        await close()
        throw withCode("ENOSPC")
      }
    })
    const error = await failure(inPieces(post(form), 50_000))
    spy.mockRestore()
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect((error as Error).cause).toMatchObject({ code: "ENOSPC" })
    expect(tempFiles(root)).toEqual([])
  })

  test("that somebody has cleaned of our folder gets a new one", async () => {
    const first = await parse(post(form))
    rmSync(dirname((first.bodyParams["f"] as Upload).path), { recursive: true })
    const second = await parse(post(form))
    expect((second.bodyParams["f"] as Upload).size).toBe(200_000)
    first.text("")
    second.text("")
    await nothingLeft()
  })
})

describe("any bytes at all", () => {
  const valid = bodyOf([
    { name: "a", body: "1" },
    { name: "user[avatar]", filename: "a.png", type: "image/png", body: `\x89PNG\r\n--${boundary.slice(0, 5)}\r\n` },
    { name: "user[tags][]", type: "text/plain; charset=utf-8", body: "é" },
    { name: "f", filename: "", type: "application/octet-stream", body: "" },
    { head: `content-disposition: form-data;\r\n name="b"; filename*=utf-8''%e2%82%ac`, body: "€".repeat(20) },
  ])
  const delimiter = `\r\n--${boundary}`
  const shards = [
    "\r\n",
    "\r",
    "\n",
    "--",
    delimiter,
    `${delimiter}--`,
    `${delimiter}\r\n`,
    "\r\n\r\n",
    '"',
    ";",
    ":",
    "\0",
  ]
  const mutation = fc.record({
    at: fc.nat(valid.length),
    drop: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(80)),
    put: fc.oneof(
      fc.constantFrom(...shards).map((shard) => Buffer.from(shard)),
      fc.uint8Array({ maxLength: 4 }),
      fc
        .record({ from: fc.nat(valid.length), length: fc.nat(120) })
        .map(({ from, length }) => valid.subarray(from, from + length)),
    ),
  })
  const mutated = fc.array(mutation, { minLength: 1, maxLength: 4 }).map((mutations) =>
    mutations.reduce<Buffer>((body, { at, drop, put }) => {
      const start = Math.min(at, body.length)
      return Buffer.concat([body.subarray(0, start), put, body.subarray(start + drop)])
    }, valid),
  )

  test("give parameters or a client's error, in any pieces, and leave no file", async () => {
    const seen = { parsed: 0, refused: 0 }
    const options = { maxParams: 8, fieldLength: 100, fileLength: 100 }
    await fc.assert(
      fc.asyncProperty(mutated, fc.constantFrom(1, 2, 17, 65_536), async (body, size) => {
        const one = inPieces(post(body), size)
        const error = await failure(one, options)
        if (error === undefined) {
          seen.parsed++
          expect(Object.getPrototypeOf(one.bodyParams)).toBeNull()
        } else {
          seen.refused++
          expect(error).toBeInstanceOf(HTTPError)
          expect([400, 413]).toContain((error as HTTPError).status)
          expect(tempFiles(root)).toEqual([])
        }
        one.text("")
        await nothingLeft()
      }),
      { numRuns: 3000 },
    )
    expect(seen.parsed).toBeGreaterThan(100)
    expect(seen.refused).toBeGreaterThan(100)
  })

  test("mean the same in whatever pieces they arrive, where busboy alone would differ", async () => {
    const head = 'Content-Disposition: form-data; name="f"; filename="f"'
    const body = Buffer.from(`--${boundary}\r\n${head}\r\n\r\n--${boundary}\r\n--x\r\n--${boundary}--\r\n`)
    const outcomes = new Set<string>()
    for (let size = 1; size <= body.length; size++) {
      const one = inPieces(post(body), size)
      const error = await failure(one)
      outcomes.add(error instanceof Error ? error.message : JSON.stringify(one.bodyParams))
      one.text("")
    }
    expect([...outcomes]).toHaveLength(1)
    await nothingLeft()
  })

  test("mean the same in whatever pieces they arrive", async () => {
    const shown = async (body: Buffer, size: number) => {
      const one = inPieces(post(body), size)
      const error = await failure(one)
      const params = error instanceof Error ? error.name : JSON.stringify(one.bodyParams)
      one.text("")
      return params.replaceAll(/"path":"[^"]*"/g, "")
    }
    await fc.assert(
      fc.asyncProperty(mutated, fc.integer({ min: 1, max: 300 }), async (body, size) => {
        expect(await shown(body, size)).toBe(await shown(body, 65_536))
      }),
      { numRuns: 1000 },
    )
    await nothingLeft()
  })
})
