import { describe, expect, test } from "vitest"
import { acceptedEncoding, acceptedLanguage, acceptedType } from "../../src/http/accept.ts"
import { expectProportional, fill } from "./proportional.ts"

describe("acceptedType", () => {
  const ours = ["text/html", "application/json"]

  test("weighs quality, then how exactly a range fits, then our order", () => {
    expect(acceptedType("application/json", ours)).toBe("application/json")
    expect(acceptedType("text/html;q=0.5, application/json;q=0.9", ours)).toBe("application/json")
    expect(acceptedType("*/*;q=0.8, application/*", ours)).toBe("application/json")
    expect(acceptedType("text/*, */*;q=0.1", ours)).toBe("text/html")
    expect(acceptedType("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ours)).toBe("text/html")
  })

  test("is the first of ours for a client without a preference, undefined for one that takes none", () => {
    for (const accept of [undefined, "", "*/*", "*/*;q=0.1"]) expect(acceptedType(accept, ours)).toBe("text/html")
    expect(acceptedType("image/png", ours)).toBeUndefined()
    expect(acceptedType("text/html;q=0, application/json;q=0", ours)).toBeUndefined()
    expect(acceptedType("*/*", [])).toBeUndefined()
    expect(acceptedType("nonsense", ours)).toBeUndefined()
  })

  test("survives headers of any length and shape, in little time", () => {
    for (const piece of ["a/b,", ",", ";", "a/b;q=", '"', 'a/b;c="', "*/*;q=0.1,", "\\", " ", "a"]) {
      expectProportional((size) => {
        acceptedType(fill(piece, size), ours)
        acceptedEncoding(fill(piece, size), ["gzip", "br"])
        acceptedLanguage(fill(piece, size), ["en", "de"])
      })
    }
    expect(acceptedType(`application/json,${"x/y,".repeat(20_000)}`, ours)).toBe("application/json")
  })
})

describe("acceptedEncoding", () => {
  test("is ours to choose where the client likes several alike", () => {
    expect(acceptedEncoding("gzip, br", ["br", "gzip"])).toBe("br")
    expect(acceptedEncoding("br, gzip", ["gzip", "br"])).toBe("gzip")
    expect(acceptedEncoding("*", ["br", "gzip"])).toBe("br")
  })

  test("heeds qualities, and a refusal by q=0", () => {
    expect(acceptedEncoding("gzip;q=0.5, br;q=0.6", ["gzip", "br"])).toBe("br")
    expect(acceptedEncoding("gzip;q=0", ["gzip"])).toBeUndefined()
    expect(acceptedEncoding("gzip;q=0, *", ["gzip", "br"])).toBe("br")
    expect(acceptedEncoding("*;q=0", ["gzip"])).toBeUndefined()
  })

  test("is undefined when the content goes as it is", () => {
    for (const accept of [undefined, "", "deflate", "identity", "identity, gzip;q=0.5"]) {
      expect(acceptedEncoding(accept, ["gzip"])).toBeUndefined()
    }
    expect(acceptedEncoding("gzip", [])).toBeUndefined()
  })

  test("names identity when it is available by name", () => {
    expect(acceptedEncoding(undefined, ["gzip", "identity"])).toBe("identity")
    expect(acceptedEncoding("deflate", ["gzip", "identity"])).toBe("identity")
    expect(acceptedEncoding("gzip", ["gzip", "identity"])).toBe("gzip")
    expect(acceptedEncoding("identity;q=0", ["identity"])).toBeUndefined()
  })
})

describe("acceptedLanguage", () => {
  test("takes the best, a variant of it, or the first", () => {
    expect(acceptedLanguage("de-CH, en;q=0.8", ["en", "de"])).toBe("de")
    expect(acceptedLanguage("en", ["de", "en-GB"])).toBe("en-GB")
    expect(acceptedLanguage("fr, *;q=0.1", ["en", "de"])).toBe("en")
    expect(acceptedLanguage("fr", ["en"])).toBeUndefined()
    for (const accept of [undefined, ""]) expect(acceptedLanguage(accept, ["en", "de"])).toBe("en")
  })
})
