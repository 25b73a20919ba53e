/** busboy behind our wall: in pieces of any size it gives parts or one error, and it never waits for ever. */
import fc from "fast-check"
import { HTTPError, ParseError, RequestTooLargeError } from "plumage"
import { describe, expect, test } from "vitest"
import { type GrammarLimits, MultipartGrammar } from "../../src/plugs/multipart-grammar.ts"
import { watchProcess } from "../adapters/suite/guard.ts"
import { bodyOf } from "./multipart-bodies.ts"

watchProcess()

const limits: GrammarLimits = { maxParts: 9, maxFiles: 9, fieldLength: 99, fileLength: 99, validateUtf8: true }

/** What a body gives in pieces of `size` bytes: name and content of each part. */
async function read(body: Uint8Array, size: number, options: Partial<GrammarLimits> = {}): Promise<[string, string][]> {
  const grammar = new MultipartGrammar("b", { ...limits, ...options })
  const found: [string, string][] = []
  let at = 0
  const feed = async (): Promise<void> => {
    await grammar.ready()
    if (at >= body.length) return grammar.end()
    grammar.push(body.subarray(at, at + size))
    at += size
  }
  try {
    for (;;) {
      const part = grammar.take()
      if (part === undefined) {
        if (grammar.finished) return found
        await feed()
        continue
      }
      let text = ""
      if (typeof part.content === "string") text = part.content
      else {
        for (;;) {
          for (let bytes = part.content.read(); bytes !== null; bytes = part.content.read()) {
            text += Buffer.from(bytes).toString("latin1")
          }
          if (await part.content.ended()) break
          await feed()
        }
      }
      found.push([part.name, text])
    }
  } finally {
    grammar.stop()
  }
}

const form = bodyOf(
  [
    { name: "a", body: "1" },
    { name: "f", filename: "f", body: "\r\n--c\r\n-" },
    { filename: "nameless", body: "xyz" },
    { name: "g", filename: "g", body: "" },
    { name: "z", body: "é\ufffd\ufffdx\ufffd" },
  ],
  "b",
)
const parts = [
  ["a", "1"],
  ["f", "\r\n--c\r\n-"],
  ["g", ""],
  ["z", "é\ufffd\ufffdx\ufffd"],
]

describe("the grammar of multipart", () => {
  test("finds the same parts in pieces of any size", async () => {
    for (let size = 1; size <= form.length; size++) expect(await read(form, size), String(size)).toEqual(parts)
  })

  test("does not begin before the first boundary nor go on behind the last", async () => {
    const part = 'Content-Disposition: form-data; name="x"; filename="x"\r\n\r\nx'
    const body = Buffer.concat([
      Buffer.from(`preamble\r\n-b\r\n${part}\r\n`),
      form,
      Buffer.from(`--b\r\n${part}\r\n--b\r\n${part}`),
    ])
    for (let size = 1; size <= body.length; size++) expect(await read(body, size), String(size)).toEqual(parts)
    // Without a closing line of its own, the epilogue would be what busboy waits for.
    expect(await read(Buffer.from(`--b--\r\n--b\r\n${part}\r\n`), 999)).toEqual([])
  })

  test("tells U+FFFD that was sent from one that busboy puts", async () => {
    const bad = Buffer.concat([
      form.subarray(0, form.indexOf("é")),
      Uint8Array.of(0xff),
      form.subarray(form.indexOf("é")),
    ])
    for (let size = 1; size <= bad.length; size++) {
      await expect(read(bad, size), String(size)).rejects.toBeInstanceOf(ParseError)
      expect((await read(bad, size, { validateUtf8: false })).at(-1)).toEqual(["z", "\ufffdé\ufffd\ufffdx\ufffd"])
    }
  })

  test("is not fooled by a part that is announced and never comes", async () => {
    for (const body of ["--b\r\n", "--b\r\nX: y\r\n--b--\r\n", "--b\r\n\r\n--b--", "--b\r\n--b--", "--b", "--", ""]) {
      for (const size of [1, 2, 999]) {
        const result = await read(Buffer.from(body), size).catch((error: unknown) => error)
        if (!Array.isArray(result)) expect(result).toBeInstanceOf(ParseError)
        else expect(result).toEqual([])
      }
    }
  })

  test.each<Partial<GrammarLimits>>([{ maxParts: 4 }, { maxFiles: 2 }, { fileLength: 7 }, { fieldLength: 1 }])(
    "holds %o",
    async (options) => {
      for (const size of [1, 5, 999]) {
        await expect(read(form, size, options)).rejects.toBeInstanceOf(RequestTooLargeError)
      }
    },
  )

  test("gives parts or a client's error for any bytes in any pieces", async () => {
    const words = [
      "\r\n",
      "\r",
      "\n",
      "--b",
      "--",
      ":",
      ";",
      '"',
      "\0",
      "x",
      "é",
      "Content-Disposition: form-data; name=a",
    ]
    const more = [
      "\r\n--b\r\n",
      "\r\n--b--",
      "\r\n\r\n",
      '; filename="f"',
      "\r\nContent-Type: text/plain; charset=utf-16le",
    ]
    const soup = fc.array(fc.constantFrom(...words, ...more), { maxLength: 24 }).map((all) => all.join(""))
    const seen = { parts: 0, errors: 0 }
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 40 }), async (body, size) => {
        const result = await read(Buffer.from(`--b\r\n${body}`), size).catch((error: unknown) => error)
        if (Array.isArray(result)) seen.parts++
        else {
          seen.errors++
          expect(result).toBeInstanceOf(HTTPError)
        }
      }),
      { numRuns: 5000 },
    )
    expect(seen.parts).toBeGreaterThan(50)
    expect(seen.errors).toBeGreaterThan(50)
  })
})
