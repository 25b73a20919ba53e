import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { deepDigests, fingerprintsOf } from "../../src/cli/digest-names.ts"

const digest = "d41d8cd98f00b204e9800998ecf8427e"
const digested = (path: string, ...others: string[]) =>
  fingerprintsOf(new Map([[path, digest], ...others.map((one) => [one, "0".repeat(32)] as const)])).get(path)!.digested

describe("the name of a fingerprinted file", () => {
  test.each([
    ["app.js", `app-${digest}.js`],
    ["js.d/app.min.js", `js.d/app.min-${digest}.js`],
    ["js.d/LICENSE", `js.d/LICENSE-${digest}`],
    ["a.", `a-${digest}.`],
    ["a..b", `a.-${digest}.b`],
    ["app.js.map", `app.js-${digest}.map`],
    [".map", `.map-${digest}`],
  ])("of %s is %s", (path, wanted) => expect(digested(path)).toBe(wanted))

  test("of a source map follows its file", () => {
    const zeros = "0".repeat(32)
    expect(digested("js/app.js.map", "js/app.js")).toBe(`js/app-${zeros}.js.map`)
    expect(digested("js/app.js.map", "app.js")).toBe(`js/app.js-${digest}.map`)
    expect(digested("LICENSE.map", "LICENSE")).toBe(`LICENSE-${zeros}.map`)
  })
})

test("a deep digest changes exactly with the files that can be reached", () => {
  const nodes = ["a", "b", "c", "d", "e"]
  const edges = fc.array(fc.tuple(fc.constantFrom(...nodes), fc.constantFrom(...nodes)), { maxLength: 8 })
  fc.assert(
    fc.property(edges, fc.constantFrom(...nodes), (edges, changed) => {
      const references = new Map(
        nodes.map((node) => [node, edges.filter(([from]) => from === node).map(([, to]) => to)]),
      )
      const digests = (other: string) =>
        deepDigests(new Map(nodes.map((node) => [node, node === changed ? other : "1"])), references)
      const reaches = (from: string, to: string, seen: string[] = []): boolean =>
        from === to || references.get(from)!.some((next) => !seen.includes(next) && reaches(next, to, [...seen, from]))
      const [before, after] = [digests("1"), digests("2")]
      for (const node of nodes) expect(before.get(node) !== after.get(node), node).toBe(reaches(node, changed))
      const alone = nodes.filter((node) => references.get(node)!.every((to) => to === node))
      for (const node of alone) expect(before.get(node)).toBe("1")
    }),
  )
})
