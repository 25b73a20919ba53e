/** RFC 9112 §5: header lines, and RFC 9110 §7.2: Host. */
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { expectRefusal } from "./refusal.ts"
import { bytesOf } from "./request.ts"

const reads = action((conn) => conn.json({ all: conn.reqHeaders, x: conn.getReqHeaders("x") }))
interface Seen {
  all: string[]
  x: string[]
}
const raw = (lines: string) => `GET ${reads} HTTP/1.1\r\n${lines}\r\n\r\n`
const withHost = (lines: string) => raw(`host: localhost\r\n${lines}`)

export function fields(suite: Suite): void {
  suite.group("header lines", "RFC 9112 §5", ["http1"], () => {
    describe("§5.1 what is read", () => {
      const values: [what: string, line: string, value: string][] = [
        ["a value between spaces and tabs", "x: \t v \t ", "v"],
        ["no space behind the colon", "x:v", "v"],
        ["an empty value", "x:", ""],
        ["a value of spaces", "x:   ", ""],
        ["tabs and spaces inside", "x: a\t b", "a\t b"],
        ["a colon in the value", "x: a:b", "a:b"],
        ["bytes above 127 as Latin-1", "x: \xe9\xff", "\xe9\xff"],
        ["the name in any case", "X: v", "v"],
      ]
      test.each(values)("%s", async (_, line, value) => {
        const answer = await suite.server.say(withHost(line))
        expect(answer.json<Seen>().x).toEqual([value])
      })

      test("lines keep their order, and every one of a name stays a line of its own", async () => {
        const lines = ["accept: a", "x: 1", "cookie: c=1", "x: 2", "cookie: d=2", "x: 1, 2", "user-agent: u"]
        const answer = await suite.server.say(withHost(lines.join("\r\n")))
        const { all, x } = answer.json<Seen>()
        expect(x).toEqual(["1", "2", "1, 2"])
        const names = all.filter((_, i) => i % 2 === 0)
        expect(names).toEqual(["host", "accept", "x", "cookie", "x", "cookie", "x", "user-agent"])
      })

      test("single-valued headers that came twice are neither joined nor lost", async () => {
        const twice = ["authorization", "referer", "user-agent", "if-none-match", "last-event-id"]
        const lines = twice.flatMap((name) => [`${name}: 1`, `${name}: 2`])
        const { all } = (await suite.server.say(withHost(lines.join("\r\n")))).json<Seen>()
        expect(all.slice(2)).toEqual(twice.flatMap((name) => [name, "1", name, "2"]))
      })

      test("names of an object's own are names like others", async () => {
        const answer = await suite.server.say(withHost("__proto__: a\r\nconstructor: b\r\nx: c"))
        const { all, x } = answer.json<Seen>()
        expect(all.slice(2)).toEqual(["__proto__", "a", "constructor", "b", "x", "c"])
        expect(x).toEqual(["c"])
      })

      test("every character of a token may be in a name", async () => {
        const name = "!#$%&'*+-.^_`|~09az"
        const answer = await suite.server.say(withHost(`${name}: v`))
        expect(answer.json<Seen>().all.slice(2)).toEqual([name, "v"])
      })
    })

    describe("what is no header line is refused", () => {
      const lines: [what: string, line: string][] = [
        ["a line without a colon", "x"],
        ["an empty name", ": v"],
        ["a space before the colon (§5.1)", "x : v"],
        ["a tab before the colon (§5.1)", "x\t: v"],
        ["a folded value (§5.2)", "x: a\r\n b"],
        ["a value folded by a tab (§5.2)", "x: a\r\n\tb"],
        ["a separator in a name", "x(y): v"],
        ["a space in a name", "x y: v"],
        ["a control character in a name", "x\x01: v"],
        ["a byte above 127 in a name", "x\xe9: v"],
        ["a NUL in a value", "x: a\0b"],
        ["a bare CR in a value (§2.2)", "x: a\rb"],
        ["a bare CR before the line's end", "x: a\r\r\nb: c"],
        ["a bare LF at a line's end", "x: a\nb: c"],
      ]
      test.each(lines)("%s", async (_, line) => {
        await expectRefusal(suite.server, withHost(line))
      })

      test.each(lines)("%s, each byte a segment", async (_, line) => {
        await expectRefusal(suite.server, withHost(`${line}\r\nlast: line`), { pieces: "fields" })
      })

      test("a folded first line", async () => {
        await expectRefusal(suite.server, raw(" host: localhost\r\nx: y"))
      })

      test("bare LFs all over", async () => {
        await expectRefusal(suite.server, withHost("x: y").replaceAll("\r\n", "\n"))
      })
    })

    describe("RFC 9112 §3.2 exactly one Host", () => {
      test("HTTP/1.1 without one is refused", async () => {
        await expectRefusal(suite.server, raw("x: y"))
      })

      test("HTTP/1.0 needs none", async () => {
        const answer = await suite.server.say(`GET ${reads} HTTP/1.0\r\n\r\n`)
        expect(answer.status).toBe(200)
      })

      const hosts: [what: string, lines: string][] = [
        ["two of them", "host: localhost\r\nhost: localhost"],
        ["two that differ", "host: localhost\r\nx: y\r\nhost: evil.example"],
        ["with userinfo", "host: localhost@evil.example"],
        ["with a path", "host: localhost/evil"],
        ["with a space", "host: local host"],
        ["with a comma", "host: localhost, evil.example"],
        ["with a port that is no number", "host: localhost:8o"],
        ["with a port above 65535", "host: localhost:65536"],
        ["with an open bracket", "host: [::1"],
      ]
      test.each(hosts)("%s is refused", async (_, lines) => {
        await expectRefusal(suite.server, raw(lines))
      })

      test.each(["localhost:8080", "127.0.0.1", "[::1]:80", "LocalHost", "a-b.example."])(
        "%s is fine",
        async (host) => {
          const answer = await suite.server.say(bytesOf("GET", reads, { headers: ["host", host] }))
          expect(answer.json<Seen>().all.slice(0, 2)).toEqual(["host", host])
        },
      )
    })
  })
}
