import fc from "fast-check"
import { InvalidHeaderError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { addVary } from "../../src/plugs/vary.ts"

const vary = (...lines: string[]) =>
  lines.reduceRight((one, value) => one.prependRespHeaders([["vary", value]]), conn("GET", "/"))
const varyOf = (one: ReturnType<typeof vary>) =>
  sentResp(one.text("")).headerList.flatMap(([name, value]) => (name === "vary" ? [value] : []))

describe("addVary", () => {
  test.each<[string, string[], string, string[]]>([
    ["puts the header where there is none", [], "accept", ["accept"]],
    ["writes names in lower case", [], "Accept-Encoding", ["accept-encoding"]],
    ["appends to what is there", ["Origin"], "accept", ["Origin, accept"]],
    ["leaves a name that is there, in any case", ["Origin, ACCEPT"], "accept", ["Origin, ACCEPT"]],
    ["does not take a part of a name for it", ["accept-encoding"], "accept", ["accept-encoding, accept"]],
    ["looks at every line", ["origin", "accept"], "accept", ["origin", "accept"]],
    ["appends to the first of several lines", ["origin", "cookie"], "accept", ["origin, accept", "cookie"]],
    ["leaves a star alone", ["*"], "accept", ["*"]],
    ["leaves a star on any line alone", ["origin", " * "], "accept", ["origin", " * "]],
    ["fills an empty line", [""], "accept", ["accept"]],
    ["replaces all names by a star", ["origin, cookie"], "*", ["*"]],
  ])("%s", (_, before, name, after) => {
    expect(varyOf(addVary(vary(...before), name))).toEqual(after)
  })

  test("names each header once however often it is called", () => {
    const names = fc.array(fc.constantFrom("accept", "Accept", "origin", "cookie", "ACCEPT-language"), { minLength: 1 })
    fc.assert(
      fc.property(names, (all) => {
        const [line] = varyOf(all.reduce((one, name) => addVary(one, name), vary()))
        expect(line!.split(", ").sort()).toEqual([...new Set(all.map((name) => name.toLowerCase()))].sort())
      }),
    )
  })

  test("may be called by callbacks before the answer leaves", () => {
    const one = vary("origin").registerBeforeSend((late) => addVary(late, "accept"))
    expect(varyOf(one)).toEqual(["origin, accept"])
  })

  test("refuses what would end the line", () => {
    expect(() => addVary(vary(), "accept\r\nset-cookie: a=b")).toThrow(InvalidHeaderError)
  })
})
