/** A delegate hands on everything that the contract of a server has: read from the contract itself. */
import ts from "typescript-5.9"
import { describe, expect, test } from "vitest"
import type { Exchange } from "../../src/conn/adapter.ts"
import { Delegate } from "../../src/conn/delegate.ts"
import { read } from "../architecture.ts"

interface Member {
  readonly name: string
  /** How many parameters it takes; undefined for a property. */
  readonly takes: number | undefined
}

/** The members of the interface `Exchange`, as its source has them. */
function membersOf(path: string): Member[] {
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest)
  const contract = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === "Exchange")
  return (contract as ts.InterfaceDeclaration).members.map((member) => ({
    name: (member.name as ts.Identifier).text,
    takes: ts.isMethodSignature(member) ? member.parameters.length : undefined,
  }))
}

const members = membersOf("src/conn/adapter.ts")
const methods = members.flatMap(({ name, takes }) => (takes === undefined ? [] : [[name, takes] as const]))
const properties = members.flatMap(({ name, takes }) => (takes === undefined ? [name] : []))

/** An exchange whose every member is a value of its own, and which keeps what it was called with. */
function recorder() {
  const calls: { name: string; self: unknown; given: unknown[] }[] = []
  const results = new Map<string, object>(members.map(({ name }) => [name, { of: name }]))
  const inner: Record<string, unknown> = {}
  for (const name of properties) inner[name] = results.get(name)
  for (const [name] of methods) {
    inner[name] = function (this: unknown, ...given: unknown[]) {
      calls.push({ name, self: this, given })
      return results.get(name)
    }
  }
  return { inner: inner as unknown as Exchange, calls, results }
}

/** What answers by doing: these give nothing back. */
const silent = [
  "sendResp",
  "sendHead",
  "sendChunked",
  "endChunked",
  "abort",
  "readBody",
  "upgrade",
  "onClose",
  "onDrain",
]

describe("a delegate", () => {
  test("knows the contract that is read here", () => {
    expect(properties).toContain("limits")
    expect(methods).toContainEqual(["sendFile", 5])
    expect(members.length).toBeGreaterThan(20)
  })

  test.each(properties)("shows the %s of the exchange below", (name) => {
    const { inner, results } = recorder()
    const delegate = new Delegate(inner)
    expect(delegate[name as keyof Exchange]).toBe(results.get(name))
    // What changes below is seen at once.
    const other = {}
    Object.assign(inner, { [name]: other })
    expect(delegate[name as keyof Exchange]).toBe(other)
  })

  test.each(methods)("hands %s on with all its arguments, and its result back", (name, takes) => {
    const { inner, calls, results } = recorder()
    const given = Array.from({ length: takes }, (_, at) => ({ at }))
    const method = new Delegate(inner)[name as keyof Exchange] as (...given: unknown[]) => unknown
    const result = method.apply(new Delegate(inner), given)
    expect(calls).toHaveLength(1)
    const [{ name: called, self, given: got }] = calls as [(typeof calls)[0]]
    expect([called, self === inner, got.length]).toEqual([name, true, takes])
    for (const [at, one] of given.entries()) expect(got[at]).toBe(one)
    expect(result).toBe(silent.includes(name) ? undefined : results.get(name))
  })

  test("of a delegate reaches the exchange at the bottom", () => {
    const { inner, calls } = recorder()
    new Delegate(new Delegate(inner)).sendHead(204, [], -1)
    expect(calls.map(({ name }) => name)).toEqual(["sendHead"])
  })
})
