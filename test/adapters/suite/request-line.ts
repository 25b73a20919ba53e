/** RFC 9112 §2.2, §3: the request line and its target. */
import { describe, expect, test } from "vitest"
import { action } from "./app.ts"
import type { Suite } from "./harness.ts"
import { expectRefusal } from "./refusal.ts"
import { bytesOf } from "./request.ts"

interface Seen {
  method: string
  path: string
  query: string
}
const seen = action((conn) =>
  conn.json({ method: conn.method, path: conn.unsafeRawPath, query: conn.queryString } satisfies Seen),
)
const asked = (method: string, target: string) => bytesOf(method, target, { headers: ["x-case", seen] })

export function requestLine(suite: Suite): void {
  suite.group("request line", "RFC 9112 §2.2, §3", ["http1"], () => {
    test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
      "%s reaches the app as it was sent",
      async (method) => {
        const answer = await suite.server.say(asked(method, "/a"))
        expect(answer.json<Seen>().method).toBe(method)
      },
    )

    describe("§3.2.1 origin-form: path and query reach the app as they were sent", () => {
      const targets: [target: string, path: string, query: string][] = [
        ["/", "/", ""],
        ["/a//b/", "/a//b/", ""],
        ["//a", "//a", ""],
        ["/a/./../b", "/a/./../b", ""],
        ["/%7Euser/%2F%2f/%25", "/%7Euser/%2F%2f/%25", ""],
        ["/a?", "/a", ""],
        ["/a?x=1&y=%20+&z", "/a", "x=1&y=%20+&z"],
        ["/a?b?c=/d", "/a", "b?c=/d"],
        ["/a;p=1", "/a;p=1", ""],
        ["/~'()!*$&,=:@-._", "/~'()!*$&,=:@-._", ""],
      ]
      test.each(targets)("%s", async (target, path, query) => {
        const answer = await suite.server.say(asked("GET", target))
        expect(answer.json()).toEqual({ method: "GET", path, query })
      })

      test("a fragment is no part of the query: cut off or refused", async () => {
        const answer = await suite.server.say(asked("GET", "/a?x=1#b=2"))
        if (answer.status !== 400) expect(answer.json<Seen>().query).toBe("x=1")
      })
    })

    describe("§3.2.2 absolute-form is cut down to its path", () => {
      const targets: [target: string, path: string, query: string][] = [
        ["http://localhost/a/b?x=1", "/a/b", "x=1"],
        ["http://localhost:80/a", "/a", ""],
        ["HTTP://localhost/a", "/a", ""],
        ["http://localhost", "/", ""],
        ["http://localhost?x=1", "/", "x=1"],
        ["http://localhost/a?u=http://b/c", "/a", "u=http://b/c"],
      ]
      test.each(targets)("%s", async (target, path, query) => {
        const answer = await suite.server.say(asked("GET", target))
        expect(answer.json()).toEqual({ method: "GET", path, query })
      })

      test("its authority stands above the Host line", async () => {
        const path = action((conn) => conn.text(`${conn.host}:${conn.port}`))
        const headers = ["host", "other.example", "x-case", path]
        const answer = await suite.server.say(bytesOf("GET", "http://right.example:81/a", { headers }))
        expect(answer.text).toBe("right.example:81")
      })
    })

    test("§3.2.3 authority-form: CONNECT is refused and opens no tunnel", async () => {
      await expectRefusal(suite.server, asked("CONNECT", "localhost:80").toString(), {
        statuses: [400, 404, 405, 501, 505],
      })
    })

    test('§3.2.4 asterisk-form: OPTIONS * stays "*"', async () => {
      const answer = await suite.server.say(asked("OPTIONS", "*"))
      expect(answer.json()).toEqual({ method: "OPTIONS", path: "*", query: "" })
    })

    test("§2.2 an empty line before the request line is passed over", async () => {
      const answer = await suite.server.say(Buffer.concat([Buffer.from("\r\n"), asked("GET", "/a")]))
      expect(answer.json<Seen>().path).toBe("/a")
    })

    test("§3.1 methods are case-sensitive: get is not GET", async () => {
      const answer = await suite.server.say(asked("get", "/a"))
      if (answer.status === 200) expect(answer.json<Seen>().method).toBe("get")
      else expect([400, 405, 501]).toContain(answer.status)
    })

    describe("what is no request line is refused", () => {
      const rest = `\r\nhost: localhost\r\nx-case: ${seen}\r\n\r\n`
      const lines: [what: string, line: string, statuses?: number[]][] = [
        ["no version", "GET /a"],
        ["no target", "GET HTTP/1.1"],
        ["a version in lower case", "GET /a http/1.1"],
        ["a version without its dot", "GET /a HTTP/11"],
        ["a version of three digits", "GET /a HTTP/1.10"],
        ["text behind the version", "GET /a HTTP/1.1 x"],
        ["a space behind the version", "GET /a HTTP/1.1 "],
        ["a version of the future", "GET /a HTTP/3.0"],
        ["HTTP/2's preface", "PRI * HTTP/2.0", [400, 405, 501, 505]],
        ["a space in the target", "GET /a b HTTP/1.1"],
        ["a target without a slash", "GET a HTTP/1.1"],
        ["a control character in the target", "GET /a\x01b HTTP/1.1"],
        ["a NUL in the target", "GET /a\0b HTTP/1.1"],
        ["a DEL in the target", "GET /a\x7fb HTTP/1.1"],
        ["a bare CR in the target", "GET /a\rb HTTP/1.1"],
        ["a tab behind the method", "GET\t/a HTTP/1.1"],
        ["a space before the method", " GET /a HTTP/1.1"],
        ["a method with a separator", "GE(T /a HTTP/1.1", [400, 405, 501, 505]],
        ["bytes of another protocol", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
      ]
      test.each(lines)("%s", async (_, line, statuses = [400, 505]) => {
        await expectRefusal(suite.server, line + rest, { statuses })
      })
    })
  })
}
