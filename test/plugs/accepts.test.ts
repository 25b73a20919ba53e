import fc from "fast-check"
import { type Conn, defineEndpoint, InvalidOptionError, NotAcceptableError, routerFor } from "plumage"
import { client, conn } from "plumage/test"
import { describe, expect, test } from "vitest"
import { acceptLanguage, accepts } from "../../src/plugs/accepts.ts"

const asking = (name: string, lines: readonly string[], path = "/") =>
  conn("GET", path, undefined, { headers: lines.map((line) => [name, line] as const) })
const plug = accepts(["html", "json"])
const formatOf = (lines: readonly string[], path = "/") => plug(asking("accept", lines, path)).assigns.format

describe("accepts", () => {
  test.each<[string, string[], string]>([
    ["no header", [], "html"],
    ["an empty header", [""], "html"],
    ["everything", ["*/*"], "html"],
    ["a type", ["application/json"], "json"],
    ["a type in another case", ["Application/JSON"], "json"],
    ["a range", ["application/*"], "json"],
    ["weights", ["text/html;q=0.5, application/json"], "json"],
    ["a refusal", ["text/html;q=0, */*"], "json"],
    ["equal weights, where our order counts", ["application/json, text/html"], "json"],
    ["several lines", ["text/plain", "application/json"], "json"],
    // What Chrome and Firefox send for a page.
    ["a browser", ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"], "html"],
  ])("of %s", (_, lines, format) => {
    expect(formatOf(lines)).toBe(format)
  })

  test("raises 406 where none is taken, and says what there is", () => {
    for (const lines of [["text/csv"], ["text/html;q=0, application/json;q=0"], ["nonsense"], [",,,"]]) {
      expect(() => formatOf(lines), lines[0]!).toThrow(NotAcceptableError)
      expect(() => formatOf(lines)).toThrow("html, json")
    }
  })

  test("says what the answer depends on, the 406 included", async () => {
    const app = client(
      defineEndpoint()
        .plug(plug)
        .router(routerFor<{ format: string }>()((r) => [r.get("/", (conn) => conn.text(conn.assigns.format))])),
    )
    const answers = [await app.get("/"), await app.get("/", undefined, { headers: { accept: "text/csv" } })]
    expect(answers.map(({ status }) => status)).toEqual([200, 406])
    expect(answers.map((answer) => answer.header("vary"))).toEqual(["accept", "accept"])
  })

  test("_format decides over the header, and then nothing depends on the header", () => {
    const one = plug(asking("accept", ["text/html"], "/?_format=json"))
    expect(one.assigns.format).toBe("json")
    expect(one.getRespHeader("vary")).toBeUndefined()
    expect(formatOf(["text/csv"], "/?_format=html")).toBe("html")
  })

  test("a _format that is not there is 406, whatever it is, and is not repeated", () => {
    for (const query of ["_format=csv", "_format=", "_format", "_format[]=html", "_format[a]=html", "_format=<b>"]) {
      expect(() => formatOf(["text/html"], `/?${query}`), query).toThrow(NotAcceptableError)
      expect(() => formatOf(["text/html"], `/?${query}`)).not.toThrow(/csv|<b>/)
    }
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect(() => formatOf([], `/?_format=${name}`), name).toThrow(NotAcceptableError)
    }
  })

  test("does not read a query that does not say it, however broken", () => {
    expect(formatOf([], "/?format=json&broken=%ff")).toBe("html")
  })

  test("takes names of one's own", () => {
    const own = accepts({ page: "text/html", feed: "application/atom+xml; charset=utf-8" })
    expect(own(asking("accept", ["application/atom+xml"])).assigns.format).toBe("feed")
    expect(own(asking("accept", [], "/?_format=page")).assigns.format).toBe("page")
  })

  test("answers any header with a format or a 406", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'texhml/*;q=0.19, "\\') })), (lines) => {
        try {
          expect(["html", "json"]).toContain(formatOf(lines))
        } catch (error) {
          expect(error).toBeInstanceOf(NotAcceptableError)
        }
      }),
    )
  })

  test.each<[string, unknown]>([
    ["nothing", []],
    ["no list", "html"],
    ["null", null],
    ["an extension that nobody knows", ["html", "nope"]],
    ["what is no text", [7]],
    ["a media range", { page: "text/*" }],
    ["two names for one type", { page: "text/html", html: "text/html" }],
  ])("refuses %s", (_, formats) => {
    expect(() => accepts(formats as never)).toThrow(InvalidOptionError)
  })
})

describe("acceptLanguage", () => {
  const speaks = acceptLanguage(["en", "de", "pt-BR"])
  const languageOf = (...lines: string[]) => speaks(asking("accept-language", lines)).assigns.language

  test.each<[string, string[], string]>([
    ["no header", [], "en"],
    ["anything", ["*"], "en"],
    ["a language", ["de"], "de"],
    ["a variant of one of ours", ["de-CH, fr;q=0.9"], "de"],
    ["a variant of ours", ["pt-BR"], "pt-BR"],
    ["a language of which we have a variant", ["pt"], "pt-BR"],
    ["weights", ["fr, en;q=0.3, de;q=0.8"], "de"],
    ["several lines", ["fr", "de"], "de"],
    ["none of ours", ["fr, it"], "en"],
    ["nonsense", [";;;q=,"], "en"],
  ])("of %s", (_, lines, language) => {
    expect(languageOf(...lines)).toBe(language)
  })

  test("says the language, and that the answer depends on the header", () => {
    const one = speaks(asking("accept-language", ["de"])) as Conn
    expect([one.getRespHeader("content-language"), one.getRespHeader("vary")]).toEqual(["de", "accept-language"])
  })

  test.each([[[]], ["en"], [["e"]], [["en_US"]], [["en\r\nx: y"]], [[7]], [undefined]])("refuses %j", (languages) => {
    expect(() => acceptLanguage(languages as never)).toThrow(InvalidOptionError)
  })
})
