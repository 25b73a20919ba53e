import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Param, ParamDepthError, ParamTree, shownName } from "../../src/http/param-tree.ts"

function treeOf(pairs: readonly (readonly [string, unknown])[], maxDepth?: number): unknown {
  const tree = new ParamTree<unknown>(maxDepth)
  for (const [name, value] of pairs) tree.put(name, value)
  return tree.done()
}

/** The grammar of names in its plainest form. */
function keysOf(name: string): string[] {
  const open = name.indexOf("[")
  if (!name.endsWith("]") || open <= 0) return [name]
  return [name.slice(0, open), ...name.slice(open + 1, -1).split("][")]
}

/** The rule in its plainest form: of all entries of a place the newest decides its kind, those of other kinds drop out. */
function model(entries: readonly (readonly [string[], unknown])[]): Param<unknown> {
  const [newest, value] = entries.at(-1)!
  if (newest.length === 0) return value
  const isList = newest[0] === ""
  const same = entries.filter(([keys]) => keys.length > 0 && (keys[0] === "") === isList)
  if (!isList) return modelMap(same)
  const inner = same.filter(([keys]) => keys.length > 1).map(([keys, value]) => [keys.slice(1), value] as const)
  const list: unknown[] = []
  let placed = false
  for (const [keys, value] of same) {
    if (keys.length === 1) list.push(value)
    else if (!placed) {
      placed = true
      list.push(model(inner))
    }
  }
  return list as Param<unknown>
}
function modelMap(entries: readonly (readonly [string[], unknown])[]): Param<unknown> {
  const map: Record<string, Param<unknown>> = Object.create(null)
  for (const [[key]] of entries) {
    map[key!] = model(
      entries.filter(([keys]) => keys[0] === key).map(([keys, value]) => [keys.slice(1), value] as const),
    )
  }
  return map
}

const key = fc.constantFrom("", "a", "b", "__proto__", "0")
const name = fc
  .tuple(fc.constantFrom("x", "y", "constructor"), fc.array(key, { maxLength: 3 }))
  .map(([head, keys]) => head + keys.map((k) => `[${k}]`).join(""))

describe("ParamTree", () => {
  test("agrees with the rule written plainly, whatever the order of kinds", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.nat()), { maxLength: 8 }), (pairs) => {
        const expected = modelMap(pairs.map(([name, value]) => [keysOf(name), value] as const))
        expect(treeOf(pairs)).toEqual(expected)
      }),
      { numRuns: 3000 },
    )
  })

  test("takes odd brackets as letters", () => {
    for (const name of ["a[b", "a]", "[a]", "a[b]c", "[]", "]", "[", "", "a[b][", "[a][b]"]) {
      expect(treeOf([[name, 1]])).toEqual({ [name]: 1 })
    }
    expect(treeOf([["a[b[c]", 1]])).toEqual({ a: { "b[c": 1 } })
    expect(treeOf([["a[]]", 1]])).toEqual({ a: { "]": 1 } })
  })

  test("takes any value as it is", () => {
    const upload = { path: "/tmp/x", list: [1] }
    expect(treeOf([["user[avatar]", upload]])).toEqual({ user: { avatar: upload } })
    expect((treeOf([["a[]", upload]]) as { a: unknown[] }).a[0]).toBe(upload)
  })

  test("makes maps without a prototype at every level, so that no name reaches Object's", () => {
    const own = (map: object, key: string) => Object.getOwnPropertyDescriptor(map, key)?.value
    const params = treeOf([
      ["__proto__", 1],
      ["a[__proto__][polluted]", 1],
      ["b[][constructor][prototype]", 1],
    ]) as { a: object; b: object[] }
    for (const map of [params, params.a, own(params.a, "__proto__"), params.b[0]])
      expect(Object.getPrototypeOf(map)).toBeNull()
    expect(Object.keys(params)).toEqual(["__proto__", "a", "b"])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test("refuses a name with more brackets than it allows, and keeps what it has", () => {
    const tree = new ParamTree<number>(2)
    tree.put("a[b][c]", 1)
    expect(() => tree.put("a[b][c][d]", 2)).toThrow(ParamDepthError)
    expect(() => tree.put("z[][][]", 2)).toThrow('"z[][][]" nests deeper than 2 levels')
    expect(tree.done()).toEqual({ a: { b: { c: 1 } } })
    expect(() => treeOf([[`a${"[x]".repeat(32)}`, 1]])).not.toThrow()
    expect(() => treeOf([[`a${"[x]".repeat(33)}`, 1]])).toThrow(ParamDepthError)
  })
})

test("shownName quotes, escapes and cuts", () => {
  expect(shownName("a\nb")).toBe('"a\\nb"')
  expect(shownName("x".repeat(1000))).toBe(`"${"x".repeat(64)}…"`)
})
