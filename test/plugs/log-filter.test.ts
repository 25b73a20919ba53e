import fc from "fast-check"
import { InvalidOptionError } from "plumage"
import { describe, expect, test } from "vitest"
import { compileFilter, filtered, filterParams, filterQuery, secretNames } from "../../src/plugs/log-filter.ts"

const hidden = compileFilter("test", secretNames)

describe("filterParams", () => {
  test("hides by name at every depth, whatever the case and the separators, and leaves the value as it was", () => {
    const value = {
      user: { Password: "a", password_confirmation: "b", name: "ada" },
      list: [{ "X-Api-Key": "c" }, { apiKey: "d" }],
      _csrf_token: "e",
      session: { id: "f" },
    }
    expect(filterParams(value)).toEqual({
      user: { Password: filtered, password_confirmation: filtered, name: "ada" },
      list: [{ "X-Api-Key": filtered }, { apiKey: filtered }],
      _csrf_token: filtered,
      session: filtered,
    })
    expect(value.user.Password).toBe("a")
  })

  test("keeps what Phoenix keeps with { keep }: the named, whole, wherever they are, and nothing else", () => {
    const value = { id: 1, filter: { id: 2, q: "x", deep: [{ id: 3 }, "y", null] }, page: { size: 4 } }
    expect(filterParams(value, { keep: ["id", "page"] })).toEqual({
      id: 1,
      filter: { id: 2, q: filtered, deep: [{ id: 3 }, filtered, filtered] },
      page: { size: 4 },
    })
    expect(filterParams({ ID: 1 }, { keep: ["id"] })).toEqual({ ID: filtered })
  })

  test("never shows a canary below a hidden name, wherever it is", () => {
    const secret = fc.constantFrom(...secretNames, "user_token", "MyPassword", "set-cookie")
    const place = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 6 },
        secret.map((name) => ({ [name]: { value: ["canary"] } })),
        fc.tuple(fc.string(), tie("node")).map(([name, below]) => ({ [`a${name}`]: below })),
        tie("node").map((below) => [1, below]),
        tie("node").map((below) => new Map([["m", below]])),
        tie("node").map((below) => new Set([below])),
        tie("node").map((below) => ({ toJSON: () => below })),
      ),
    })).node
    fc.assert(fc.property(place, (value) => !JSON.stringify(filterParams(value)).includes("canary")))
  })

  test("gives JSON for anything, and the same as JSON where nothing is hidden", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withMap: true }),
        (value) => void JSON.stringify(filterParams(value)),
      ),
    )
    const json = fc.jsonValue({ maxDepth: 8 })
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(filterParams(value, ["§"]))).toBe(JSON.stringify(value))
      }),
    )
  })

  test("ends in cycles, in depth, in breadth and in what is shared again and again", () => {
    const cycle: Record<string, unknown> = { name: "a" }
    cycle["self"] = cycle
    expect(filterParams(cycle)).toEqual({ name: "a", self: "[CIRCULAR]" })
    const shared = { name: "a" }
    expect(filterParams([shared, shared])).toEqual([shared, shared])

    let deep: unknown = "canary"
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(JSON.stringify(filterParams(deep))).toBe(`${"[".repeat(16)}"[TRUNCATED]"${"]".repeat(16)}`)

    let laughs: unknown = "ha"
    for (let level = 0; level < 15; level++) laughs = [laughs, laughs, laughs, laughs, laughs, laughs, laughs, laughs]
    expect(JSON.stringify(filterParams(laughs)).length).toBeLessThan(1_000_000)
    expect(filterParams(new Array(1e9))).toHaveLength(10_000)
    expect(
      Object.keys(filterParams(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [i, i]))) as object),
    ).toHaveLength(10_000)
  })

  test("survives what fails when it is looked at", () => {
    const failing = {
      get a() {
        throw new Error("no")
      },
    }
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const bad = { toJSON: () => failing }
    expect(filterParams({ failing, proxy, bad, b: 1 })).toEqual({
      failing: "[UNREADABLE]",
      proxy: "[UNREADABLE]",
      bad: "[UNREADABLE]",
      b: 1,
    })
  })

  test("makes an ordinary key of __proto__, counts bytes and writes what JSON has not", () => {
    const given = JSON.parse('{"__proto__": {"polluted": 1}}')
    const copy = filterParams(given) as Record<string, unknown>
    expect([Object.keys(copy), ({} as { polluted?: unknown }).polluted]).toEqual([["__proto__"], undefined])
    expect(filterParams([new Uint8Array(3), 7n, () => 1, new Date(0), undefined])).toEqual([
      "[3 bytes]",
      "7",
      "[function]",
      "1970-01-01T00:00:00.000Z",
      undefined,
    ])
    expect(filterParams(new Uint8Array(3), { keep: ["a"] })).toBe(filtered)
  })

  test("refuses names that are none", () => {
    for (const names of ["password", [1], [""], ["_"], null, { keep: "id" }, { keeps: ["id"] }]) {
      expect(() => filterParams({}, names as never), JSON.stringify(names)).toThrow(InvalidOptionError)
    }
  })
})

describe("filterQuery", () => {
  test("hides values by the decoded name, and leaves everything else as it was sent", () => {
    for (const [query, wanted] of [
      ["", ""],
      ["a=1&token=x&b", "a=1&token=[FILTERED]&b"],
      ["%74oken=x", "%74oken=[FILTERED]"],
      ["user[password]=x&user%5Bpassword%5D=y", "user[password]=[FILTERED]&user%5Bpassword%5D=[FILTERED]"],
      ["a+token=x=y", "a+token=[FILTERED]"],
      ["%ff=x", "%ff=[FILTERED]"],
      ["api%2Dkey=x&&=z", "api%2Dkey=[FILTERED]&&=z"],
    ] as const) {
      expect(filterQuery(query, hidden), query).toBe(wanted)
    }
  })

  test("with { keep } shows only the named, in brackets too", () => {
    const keep = compileFilter("test", { keep: ["id"] })
    expect(filterQuery("id=1&user[id]=2&name=ada&flag", keep)).toBe("id=1&user[id]=2&name=[FILTERED]&[FILTERED]")
  })

  test("agrees with URLSearchParams on which values are hidden", () => {
    const name = fc.oneof(fc.string(), fc.constantFrom("token", "my secret", "ä-password"))
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const shown = [...new URLSearchParams(filterQuery(new URLSearchParams(pairs).toString(), hidden))]
        expect(shown).toEqual(pairs.map(([name, value]) => [name, hidden.hides(name) ? filtered : value]))
      }),
    )
  })
})
