import fc from "fast-check"
import { UsageError } from "plumage"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"
import { html, raw, scriptJson } from "../../src/plugs/html.ts"

const nasty = `<b>&"'</b>`
const escaped = "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;"
const text = (value: unknown) => String(html`<p>${value}</p>`).slice(3, -4)
const title = (value: unknown) => String(html`<p title="${value}">`).slice(10, -2)

describe("html", () => {
  test("escapes values, and nothing of the template", () => {
    expect(String(html`<p title='${nasty}' lang="${nasty}">&amp;${nasty}</p>`)).toBe(
      `<p title='${escaped}' lang="${escaped}">&amp;${escaped}</p>`,
    )
  })

  test("is a page for conn.html", () => {
    const sent = sentResp(conn("GET", "/").html(String(html`<!doctype html><p>${"<"}</p>`)))
    expect(sent.headers["content-type"]).toBe("text/html; charset=utf-8")
    expect(sent.body).toBe("<!doctype html><p>&lt;</p>")
  })

  test.each<[unknown, string]>([
    [undefined, ""],
    [null, ""],
    [false, ""],
    [true, "true"],
    [0, "0"],
    [-1.5, "-1.5"],
    [Number.NaN, "NaN"],
    [10n, "10"],
    ["", ""],
    [[], ""],
    [["<", 1, null, ["&", [false]]], "&lt;1&amp;"],
    [new Date(Number.NaN), "Invalid Date"],
    [new URL("https://a.example/?b&c"), "https://a.example/?b&amp;c"],
    [{ toString: () => "<own>" }, "&lt;own&gt;"],
    [scriptJson({ a: "<" }), "{&quot;a&quot;:&quot;\\u003c&quot;}"],
  ])("writes %s", (value, expected) => {
    expect(text(value)).toBe(expected)
    expect(title(value)).toBe(expected)
  })

  test.each<[string, unknown]>([
    ["an object", { a: 1 }],
    ["one without a prototype", Object.create(null)],
    ["one that only seems to have a text", JSON.parse('{"toString":"x","constructor":null}')],
    ["a promise", Promise.resolve("x")],
    ["a map", new Map()],
    ["a function", () => "x"],
    ["a symbol", Symbol("x")],
    ["one of them in a list", ["a", [{ b: 1 }]]],
  ])("refuses %s", (_, value) => {
    expect(() => text(value)).toThrow(UsageError)
    expect(() => title(value)).toThrow(UsageError)
    expect(() => html`<a href="${value}">`).toThrow(UsageError)
  })

  test("does not escape html twice", () => {
    const items = ["<", "&"].map((item) => html`<li>${item}</li>`)
    expect(String(html`<ul>${items}</ul>${html`${html`${nasty}`}`}`)).toBe(
      `<ul><li>&lt;</li><li>&amp;</li></ul>${escaped}`,
    )
  })

  test("keeps html and raw inside the quotes of an attribute", () => {
    expect(title(html`<b class="c">${nasty}</b>`)).toBe(`&lt;b class=&quot;c&quot;&gt;${escaped}&lt;/b&gt;`)
    expect(title(raw(`&amp;"'>`))).toBe("&amp;&quot;&#39;&gt;")
    expect(String(html`<a href="${raw(`/"x`)}">`)).toBe('<a href="/&quot;x">')
  })

  test("trusts raw as it is", () => {
    expect(text(raw(nasty))).toBe(nasty)
    expect(() => raw(7 as never)).toThrow(UsageError)
  })

  test("trusts nothing that only looks like html", () => {
    const forged = Object.assign(Object.create(Object.getPrototypeOf(raw(""))), { text: nasty, trusted: true })
    for (const value of [
      { __html: nasty, toString: () => nasty },
      { text: nasty, toString: () => nasty },
    ]) {
      expect(text(value)).toBe(escaped)
    }
    expect(() => text(forged)).toThrow(TypeError)
  })

  test("never gives a value a character that means something, in text and in quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        for (const written of [text(value), title(value)])
          expect(written).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
      }),
    )
  })

  test("leaves no attribute for a flag that is off", () => {
    const input = (on: unknown) => String(html`<input type="checkbox" ?checked="${on}" name="a">`)
    for (const on of [true, 1, "yes"]) expect(input(on)).toBe('<input type="checkbox" checked name="a">')
    for (const off of [false, undefined, null, 0, ""]) expect(input(off)).toBe('<input type="checkbox" name="a">')
    expect(
      String(html`<a ?hidden='${true}'
      ?inert = "${true}"/>`),
    ).toBe("<a hidden inert/>")
  })

  test("is a tag and no function of text", () => {
    const strings = ["<b>"]
    for (const sent of ["<b>", strings, Object.assign(strings, { raw: strings }), undefined]) {
      expect(() => html(sent as never)).toThrow(UsageError)
    }
    expect(() => html`\u{zzz}`).toThrow(/escape/)
  })

  test("refuses the same template every time", () => {
    const bad = (value: string) => html`<a href=${value}>`
    for (let i = 0; i < 3; i++) expect(() => bad("x")).toThrow(UsageError)
  })
})

describe("a URL in html", () => {
  const href = (value: unknown) => /href="(.*)"/s.exec(String(html`<a href="${value}">x</a>`))![1]

  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\t\n\r\0\x01\x1fjavascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript\r:alert(1)",
    "javascript\t:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "data:,x",
    "data:image/svg+xml,<svg/>",
    "data:image/png+xml,x",
    "DATA:text/html;base64,x",
  ])("that is %j leads nowhere", (url) => {
    expect(href(url)).toBe("about:invalid")
    expect(href([url])).toBe("about:invalid")
    expect(href(html`${url}`)).toBe("about:invalid")
    expect(href({ toString: () => url })).toBe("about:invalid")
  })

  test.each([
    "https://a.example/?javascript:alert(1)",
    "//a.example/",
    "/a:b",
    "a/javascript:b",
    "?javascript:x",
    "#data:x",
    "mailto:a@a.example",
    "tel:+1",
    "web+app:x",
    "blob:https://a.example/1",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascriptx:y",
    "",
  ])("that is %j stays", (url) => {
    expect(href(url)).toBe(url)
  })

  test("cannot be put together from pieces", () => {
    const [a, b] = ["java", "script:alert(1)"]
    expect(String(html`<a href="${a}${b}">`)).toBe('<a href="javaabout:invalid">')
    expect(String(html`<a href="java${b}">`)).toBe('<a href="javaabout:invalid">')
    expect(String(html`<a href=" ${a}	${b}">`)).toBe('<a href=" java	about:invalid">')
    expect(String(html`<a href="${"javascript"}:${"alert(1)"}">`)).toBe('<a href="javascript:about:invalid">')
    expect(String(html`<a href="${"x"}" title="${"y"}"><a href="${"java"}"><a href="${b}">`)).toContain(
      `<a href="${"java"}"><a href="${b}">`,
    )
  })

  test("is left alone where the template has said its scheme", () => {
    const [path, rest] = ["javascript:x", "data:y"]
    expect(String(html`<a href="/go/${path}?to=${rest}">`)).toBe('<a href="/go/javascript:x?to=data:y">')
    expect(String(html`<img src="data:image/svg+xml;base64,${"PHN2Zy8+"}">`)).toContain("PHN2Zy8+")
  })
})

describe("code in html", () => {
  const script = (value: unknown) => String(html`<script>f(${value})</script>`)
  const handler = (value: unknown) => String(html`<a onclick="f(${value})">`)
  const css = (value: unknown) => String(html`<style>a{width:${value}}</style>`)
  const style = (value: unknown) => String(html`<a style="width:${value}">`)
  const page = (value: unknown) => String(html`<iframe srcdoc="${value}"></iframe>`)

  test("takes JSON and what the programmer vouches for", () => {
    expect(script(scriptJson({ a: "</script><!--" }))).toBe(
      '<script>f({"a":"\\u003c/script\\u003e\\u003c!--"})</script>',
    )
    expect(script(raw("a<b"))).toBe("<script>f(a<b)</script>")
    expect(handler(scriptJson(["'"]))).toBe('<a onclick="f([&quot;&#39;&quot;])">')
    expect(handler(raw('"x"'))).toBe('<a onclick="f(&quot;x&quot;)">')
  })

  test("takes numbers and what the programmer vouches for in CSS", () => {
    expect(css(7)).toBe("<style>a{width:7}</style>")
    expect(css(raw("1px"))).toBe("<style>a{width:1px}</style>")
    expect(style(7)).toBe('<a style="width:7">')
    expect(style(raw('url("x")'))).toBe('<a style="width:url(&quot;x&quot;)">')
  })

  test("takes html in srcdoc, which is read twice", () => {
    expect(page(html`<p>${"<"}</p>`)).toBe('<iframe srcdoc="&lt;p&gt;&amp;lt;&lt;/p&gt;"></iframe>')
  })

  test.each(["text", "", 7, null, undefined, true, {}, ["a"], html`<b>x</b>`, [scriptJson(1)]])(
    "refuses %s",
    (value) => {
      expect(() => script(value)).toThrow(UsageError)
      expect(() => handler(value)).toThrow(UsageError)
      if (typeof value !== "number") {
        expect(() => css(value)).toThrow(UsageError)
        expect(() => style(value)).toThrow(UsageError)
      }
    },
  )

  test("refuses JSON as CSS, and as a page", () => {
    for (const put of [css, style, page]) expect(() => put(scriptJson("x"))).toThrow(UsageError)
    expect(() => page("<p>")).toThrow(UsageError)
  })
})

describe("scriptJson", () => {
  test("is read again as it was written, and holds nothing that means something to HTML or to old JavaScript", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom("</script>", "<!--", "]]>", "\u2028\u2029", "&amp;"),
        (value, more) => {
          const written = String(scriptJson([value, more]))
          expect(written).not.toMatch(/[<>&\u2028\u2029]/)
          expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify([value, more])))
        },
      ),
    )
  })

  test("raises UsageError for what JSON cannot write", () => {
    const circle: unknown[] = []
    circle.push(circle)
    for (const value of [undefined, () => 1, Symbol("x"), 1n, circle]) {
      expect(() => scriptJson(value)).toThrow(UsageError)
    }
  })
})
