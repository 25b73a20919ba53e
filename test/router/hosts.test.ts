import { describe, expect, it } from "vitest"
import { UsageError } from "../../src/conn/errors.ts"
import { compileHosts } from "../../src/router/hosts.ts"

describe("compileHosts", () => {
  it("tells exact hosts from prefixes and folds case", () => {
    expect(compileHosts("Example.COM")).toEqual({ exact: ["example.com"], prefixes: [] })
    expect(compileHosts(["API.", "a.b", "[::1]"])).toEqual({ exact: ["a.b", "[::1]"], prefixes: ["api."] })
    expect(compileHosts(undefined)).toBe(undefined)
  })

  it.each([[""], [[]], [["a.com", ""]], [["a.com", null]], [7], [null], [{}]])("refuses %j", (host) => {
    expect(() => compileHosts(host as string)).toThrow(UsageError)
    expect(() => compileHosts(host as string)).toThrow(JSON.stringify(host))
  })
})
