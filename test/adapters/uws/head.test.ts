import { describe, expect, test } from "vitest"
import { Head, HeadReader } from "../../../adapters/uws/head.ts"
import { defaultLimits } from "../../../src/conn/adapter.ts"
import { fakeRequest } from "./fake.ts"

const limits = { ...defaultLimits, requestLineBytes: 40, headerBytes: 200, headerCount: 5 }
const read = (headers: readonly string[], target = "/", raw?: Record<string, string>) =>
  new Head("GET", fakeRequest(["host", "a", ...headers], target, raw), new HeadReader(limits))
const refusalOf = (...headers: string[]) => read(headers).refusal

describe("targets", () => {
  test("are split at the first question mark", () => {
    const { path, query, refusal } = read([], "/a/b?c=?d")
    expect([path, query, refusal]).toEqual(["/a/b", "c=?d", 0])
  })

  test.each(["/a#b", "/a?b#c", "/a\x7f", "/é", "/a?é"])("%j is 400", (target) => {
    expect(read([], target).refusal).toBe(400)
  })

  test("the request line has a limit, the query in it", () => {
    expect(read([], `/${"p".repeat(26)}`).refusal).toBe(0)
    expect(read([], `/${"p".repeat(27)}`).refusal).toBe(414)
    expect(read([], `/?${"q".repeat(25)}`).refusal).toBe(0)
    expect(read([], `/?${"q".repeat(26)}`).refusal).toBe(414)
  })
})

describe("header lines", () => {
  test("stay as they are, with duplicates and empty values", () => {
    const { fields } = read(["x", "1", "x", "", "x", "1"])
    expect(fields.list).toEqual(["host", "a", "x", "1", "x", "", "x", "1"])
  })

  test("the same lines are read once, other lines anew", () => {
    const reader = new HeadReader(limits)
    const of = (...headers: string[]) => new Head("GET", fakeRequest(["host", "a", ...headers]), reader).fields
    const first = of("x", "1")
    expect(of("x", "1")).toBe(first)
    for (const other of [["x", "2"], ["x", "1", "y", "1"], [], ["y", "1"]]) {
      expect(of(...other).list).toEqual(["host", "a", ...other])
    }
    expect(first.list).toEqual(["host", "a", "x", "1"])
  })

  test.each([
    ["café", undefined, "caf\xc3\xa9"],
    ["a\ufffdb", "a\xe9b", "a\xe9b"],
  ])("bytes above 127 are one character each: %j", (decoded, raw, value) => {
    const fields = read(["x", decoded], "/", raw === undefined ? {} : { x: raw }).fields
    expect([fields.list[3], fields.refusal]).toEqual([value, 0])
  })

  test("what cannot be had exactly is refused, not guessed", () => {
    expect(read(["x", "1", "x", "\ufffd"], "/", { x: "1" }).refusal).toBe(400)
  })

  test.each([
    [["host", "b"], 400],
    [["x", "a\x7fb"], 400],
    [["content-length", "5"], 0],
    [["content-length", "5", "content-length", "5"], 400],
    [["content-length", "5", "content-length", "6"], 400],
    [["content-length", ""], 400],
    [["content-length", "+5"], 400],
    [["content-length", "5, 5"], 400],
    [["transfer-encoding", "chunked"], 0],
    [["transfer-encoding", "Chunked"], 0],
    [["transfer-encoding", "gzip, chunked"], 400],
    [["transfer-encoding", "identity"], 400],
    [["transfer-encoding", ""], 400],
    [["transfer-encoding", "chunked", "transfer-encoding", "chunked"], 400],
    [["transfer-encoding", "chunked", "content-length", "5"], 400],
    [["expect", "100-Continue"], 0],
    [["expect", "200-maybe"], 417],
    [["x", "v".repeat(300)], 431],
    [["a", "1", "b", "1", "c", "1", "d", "1"], 0],
    [["a", "1", "a", "1", "a", "1", "a", "1", "a", "1"], 431],
  ])("%j: %i", (headers, status) => {
    expect(refusalOf(...headers)).toBe(status)
  })

  test.each(["a@b", "a/b", "a b", "a:x", "a:70000", "[::1", ""])("the host %j is 400", (host) => {
    expect(new Head("GET", fakeRequest(["host", host]), new HeadReader(limits)).refusal).toBe(400)
  })

  test("header bytes count names, values and what is between them", () => {
    const bare = "host: a\r\nx: \r\n".length
    expect(refusalOf("x", "v".repeat(200 - bare))).toBe(0)
    expect(refusalOf("x", "v".repeat(201 - bare))).toBe(431)
  })

  test.each([
    ["close", true, true],
    ["Close", true, true],
    ["abcde", false, true],
    ["keep-alive", false, false],
    ["x, close", true, false],
    ["closed", false, false],
  ])("connection: %s", (value, close, closesItself) => {
    const { fields } = read(["connection", value])
    expect([fields.close, fields.closesItself]).toEqual([close, closesItself])
  })

  test("framing is told", () => {
    expect(
      [read([]), read(["content-length", "12"]), read(["transfer-encoding", "chunked"])].map((h) => h.fields.length),
    ).toEqual([0, 12, -1])
  })
})
