import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { encodeComment, encodeEvent, type ServerSentEvent } from "../../src/http/sse.ts"

interface Received {
  data: string
  event: string
  id: string
  retry: number | undefined
}

/** A client after the HTML standard (§9.2.6). */
function receive(stream: string): Received[] {
  const received: Received[] = []
  let data: string[] = []
  let event = ""
  let id = ""
  let retry: number | undefined
  for (const line of stream.split(/\r\n|\r|\n/).slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) received.push({ data: data.join("\n"), event: event || "message", id, retry })
      data = []
      event = ""
      continue
    }
    const colon = line.indexOf(":")
    if (colon === 0) continue
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (field === "data") data.push(value)
    else if (field === "event") event = value
    else if (field === "id" && !value.includes("\0")) id = value
    else if (field === "retry" && /^\d+$/.test(value)) retry = Number(value)
  }
  return received
}

const anyText = fc.string({ unit: fc.constantFrom(..."ab: \r\n\0é\u2028", "data:", "id: 9", "\r\n") })

describe("encodeEvent", () => {
  test("writes event, id, retry, data in this order", () => {
    expect(encodeEvent({ data: "x", retry: 1000, id: "7", event: "news" })).toBe(
      "event: news\nid: 7\nretry: 1000\ndata: x\n\n",
    )
    expect(encodeEvent({ data: "x" })).toBe("data: x\n\n")
    expect(encodeEvent({ data: "x", id: 0, retry: 0 })).toBe("id: 0\nretry: 0\ndata: x\n\n")
  })

  test("gives each line of the data a line of its own, whatever ends it", () => {
    expect(encodeEvent({ data: "a\nb\rc\r\nd\n" })).toBe("data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n")
    expect(encodeEvent({ data: "" })).toBe("data: \n\n")
  })

  test("writes anything but text as JSON", () => {
    expect(encodeEvent({ data: { a: "x\ny" } })).toBe('data: {"a":"x\\ny"}\n\n')
    expect([1, null, true, [1]].map((data) => encodeEvent({ data }))).toEqual(
      ["1", "null", "true", "[1]"].map((text) => `data: ${text}\n\n`),
    )
  })

  test("leaves data out where there is none", () => {
    expect(encodeEvent({ retry: 5 })).toBe("retry: 5\n\n")
    expect(encodeEvent({ id: "" })).toBe("id: \n\n")
  })

  test("a client receives what was sent, and nothing else", () => {
    const clean = fc.string({ unit: fc.constantFrom(..."ab: é") })
    fc.assert(
      fc.property(fc.array(fc.record({ data: anyText, event: clean, id: clean })), (events) => {
        const stream = events.map(encodeEvent).join("")
        const expected = events.map(({ data, event, id }) => ({
          data: data.replace(/\r\n|\r/g, "\n"),
          event: event || "message",
          id,
          retry: undefined,
        }))
        expect(receive(stream)).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })

  test("refuses what would start a field of its own, before anything is written", () => {
    const bad: ServerSentEvent[] = [
      { data: "", event: "a\nb" },
      { data: "", event: "a\rb" },
      { data: "", id: "a\nb" },
      { data: "", id: "a\rdata: b" },
      { data: "", id: "a\0" },
      { data: "", retry: -1 },
      { data: "", retry: 1.5 },
      { data: "", retry: Number.NaN },
      { data: "", retry: "5\ndata: x" as unknown as number },
      { data: "", event: 5 as unknown as string },
      { data: "", id: {} as string },
      { data: () => 1 },
      { data: Symbol("x") },
      { data: 1n },
    ]
    for (const event of bad) expect(() => encodeEvent(event)).toThrow(TypeError)
  })
})

describe("encodeComment", () => {
  test("writes lines that clients ignore", () => {
    expect(encodeComment("hello")).toBe(": hello\n\n")
    expect(encodeComment("")).toBe(":\n\n")
    expect(encodeComment("a\r\nb\rdata: c")).toBe(": a\n: b\n: data: c\n\n")
    fc.assert(
      fc.property(anyText, (text) => {
        expect(receive(encodeComment(text) + encodeEvent({ data: "x" }))).toEqual(receive("data: x\n\n"))
      }),
    )
  })
})
