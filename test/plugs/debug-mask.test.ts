/** How the debugger prints values: as Node does, but without secrets and without running any of their code. */
import { inspect } from "node:util"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { clean, Mask } from "../../src/plugs/debug-mask.ts"

const mask = new Mask("test")
const print = (value: unknown) => mask.print(value)

describe("a value", () => {
  test("property: without secrets is printed as Node prints it", () => {
    const values = fc.object({
      maxDepth: 4,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withBigInt: true,
    })
    fc.assert(
      fc.property(values, (value) => {
        const wanted = inspect(value, { depth: 10, breakLength: 100, customInspect: false })
        fc.pre(
          wanted.length < 9_000 && !/key|token|session|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e-\u202e\u061c]/i.test(wanted),
        )
        expect(print(value)).toBe(wanted)
      }),
    )
  })

  test("keeps its class, and hides what is named as a secret at every depth", () => {
    class User {
      name = "ada"
      passwordHash = "x"
      nested = { apiKey: "y", list: [{ accessToken: "z" }], map: new Map([["secret", "w"]]) }
    }
    const text = print(new User())
    expect(text).toMatch(/^User \{\n {2}name: 'ada',\n {2}passwordHash: '\[FILTERED\]'/)
    expect(text.match(/\[FILTERED\]/g)).toHaveLength(4)
  })

  test("hides names that end in key, not those that only contain it", () => {
    const shown = print({ key: 1, aws_key: 1, "x-key": 1, privateKey: 1, keyboard: 2, monkey: 2, keys: 2 })
    expect(shown.replace(/\s+/g, " ")).toBe(
      "{ key: '[FILTERED]', aws_key: '[FILTERED]', 'x-key': '[FILTERED]', privateKey: '[FILTERED]', keyboard: 2, monkey: 2, keys: 2 }",
    )
  })

  test("runs none of its code", () => {
    const run = (): never => {
      throw new Error("it ran")
    }
    class Hostile {
      get value(): unknown {
        return run()
      }
      toJSON(): unknown {
        return run()
      }
      toString(): string {
        return run()
      }
    }
    const list = Object.defineProperty([1, 2], 0, { get: run, enumerable: true })
    const value = {
      hostile: Object.assign(new Hostile(), { [inspect.custom]: run }),
      own: Object.defineProperty({}, "x", { get: run, enumerable: true }),
      list,
      proxy: new Proxy({}, { get: run, ownKeys: run, getPrototypeOf: run, getOwnPropertyDescriptor: run }),
      map: Object.assign(new Map([[1, 2]]), { entries: run, [Symbol.iterator]: run }),
    }
    expect(print(value).replace(/\s+/g, " ")).toContain("own: { x: [Getter] }, list: [ [Getter], 2 ], proxy: [Proxy]")
  })

  test("of bytes, of an address with a password and of an error is short", () => {
    const value = [
      Buffer.from("secret"),
      new URL("postgres://u:canary@db/x"),
      new URL("http://u:canary@h/p?token=canary"),
    ]
    expect(print(value)).toBe("[ [6 bytes], [URL], 'http://h/p' ]")
    expect(print({ error: new TypeError("no") })).toBe("{ error: [TypeError: no] }")
  })

  test("is bounded: in depth, in entries, in all", () => {
    const deep = { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } }
    expect(print(deep).replace(/\s+/g, " ")).toContain("a: [Object]")
    expect(print(Array.from({ length: 150 }, () => 0))).toContain("[50 more]")
    const wide = (depth: number): unknown => (depth === 0 ? 1 : Array.from({ length: 90 }, () => wide(depth - 1)))
    expect(print([wide(3), wide(3)]).length).toBeLessThan(10_100)
    const circle: Record<string, unknown> = {}
    circle["self"] = [circle]
    expect(print(circle)).toBe("{ self: [ [Circular] ] }")
  })
})

describe("clean", () => {
  test("property: leaves nothing that a terminal would act on, and text as it is", () => {
    const parts = fc.array(
      fc.constantFrom("\x1b[31m", "\x1b]0;t\x07", "\0", "\r", "\x9b2J", "\u202e", "a", "é", "\n", "\t", "🦉"),
    )
    fc.assert(
      fc.property(parts, (all) => {
        const text = clean(all.join(""))
        expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
        const plain = all.filter((part) => /^[aé\n\t🦉]/u.test(part)).join("")
        expect(clean(plain)).toBe(plain)
      }),
    )
  })

  test("cuts what is too long, and says so", () => {
    expect(clean("x".repeat(12), 10)).toBe(`${"x".repeat(10)} … (2 more characters)`)
  })
})
