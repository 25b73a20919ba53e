import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { cssReferences } from "../../src/cli/digest-css.ts"

const values = (css: string) => cssReferences(css).map(({ value }) => Buffer.from(value, "latin1").toString())
const latin1 = (text: string) => Buffer.from(text).toString("latin1")
const found = (css: string) => values(latin1(css))

describe("the references of a style sheet", () => {
  test.each([
    ["a { b: url(a.png) }", ["a.png"]],
    ["a { b: url( a.png ) }", ["a.png"]],
    ["a { b: url(\n\t'a.png'\r\n) }", ["a.png"]],
    ['a { b: URL("a b.png") }', ["a b.png"]],
    ["a { b: url(a.png), url(b.png) url(c.png)}", ["a.png", "b.png", "c.png"]],
    ["@import 'a.css';@import\"b.css\" print;@IMPORT/**/url(c.css) layer(x);", ["a.css", "b.css", "c.css"]],
    ["@font-face { src: url('f.eot?#iefix') format('embedded-opentype') }", ["f.eot?#iefix"]],
    ["a { b: image-set('a.png' 1x, \"b.png\" 2x, url(c.png) 3x) }", ["a.png", "b.png", "c.png"]],
    ["a { b: -webkit-image-set('a.png' type('image/png') 1x) }", ["a.png"]],
    ["a { --b: url(a.png) }", ["a.png"]],
    ["a { b: url(caf\u00e9.png) }", ["café.png"]],
    ["<!-- a { b: url(a.png) } -->", ["a.png"]],
    ["<!--url(a.png)-->url(b.png)", ["a.png", "b.png"]],
    ["a{b:1+url(a.png)}", ["a.png"]],
  ])("%j has %j", (css, wanted) => expect(found(css)).toEqual(wanted))

  test.each([
    ['url( "a\\29 .png" )', ["a).png"]],
    ["url(a\\29 .png)", ["a).png"]],
    ["url(a\\29.png)", ["a).png"]],
    ["url(a\\000029.png)", ["a).png"]],
    ["url(a\\)b.png)", ["a)b.png"]],
    ["url(a\\ b.png)", ["a b.png"]],
    ["url('a\\'b.png')", ["a'b.png"]],
    ['url("a\\\nb.png")', ["ab.png"]],
    ['url("a\\\r\nb.png")', ["ab.png"]],
    ['url("a\\29\nb.png")', ["a)b.png"]],
    ["u\\72l(a.png)", ["a.png"]],
    ["\\75 rl(a.png)", ["a.png"]],
    ["@\\69mport 'a.css'", ["a.css"]],
    ["url(caf\\e9.png)", ["café.png"]],
    ["url(\\1f600 .png)", ["\u{1f600}.png"]],
    ["url(a\\0 b\\d800 c\\110000 d)", ["a\ufffdb\ufffdc\ufffdd"]],
  ])("reads the escapes of %j", (css, wanted) => expect(found(css)).toEqual(wanted))

  test.each([
    ["/* url(a.png) */"],
    ["/* @import 'a.css' */"],
    ["a { content: 'url(a.png)' }"],
    ['a { content: "\\"url(a.png)" }'],
    ["a { content: '/*'; b: 'url(a.png)' /* ' */ }"],
    ["xurl(a.png)"],
    ["-url(a.png)"],
    ["--url(a.png)"],
    ["5url(a.png)"],
    ["1e3url(a.png)"],
    ["#url(a.png)"],
    ["@url(a.png)"],
    ["url (a.png)"],
    ["u rl(a.png)"],
    ["url(a b.png)"],
    ["url(a'b.png)"],
    ["url(a(b.png)"],
    ["url(a\\\n.png)"],
    ["url(a b\\) url(x)"],
    ["url('a.png\n')"],
    ["@import 'a.css\n';"],
    ["@import layer 'a.css'"],
    ["a { b: 'a.png' }"],
    ["f('a.png')"],
    ["@namespace svg url(a.png); @namespace url('b.png');"],
    ["@charset 'a.css';"],
    ["/* never ends url(a.png)"],
  ])("%j has none", (css) => expect(found(css)).toEqual([]))

  test("goes on behind what is broken", () => {
    expect(found("a { b: url(a b.png) url(c.png) }")).toEqual(["c.png"])
    expect(found("a { b: 'x\n; c: url(c.png) }")).toEqual(["c.png"])
    expect(found("@namespace x url(y); a { b: url(c.png) }")).toEqual(["c.png"])
    expect(found("a { b: url('a.png' ) 'x' url(c.png) }")).toEqual(["a.png", "c.png"])
  })

  test("the end of the file closes what is open", () => {
    expect(found("@import 'a.css")).toEqual(["a.css"])
    expect(found("a { b: url(a.png")).toEqual(["a.png"])
    expect(found("a { b: url('a.png'")).toEqual(["a.png"])
    expect(found("a { b: url('a.png\\")).toEqual(["a.png"])
    expect(found("a { b: url(")).toEqual([""])
  })

  test("any name comes back, whether quoted or escaped, and whatever stands around it", () => {
    const hex = (text: string) => [...text].map((one) => `\\${one.codePointAt(0)!.toString(16)} `).join("")
    const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/[\0\ufffd]|\p{Surrogate}/u.test(text))
    const noise = fc.constantFrom("", " ", "/* url(x) */", "'\\'url(x)'", "a:b;", "}", "@media x{", "5px ", "(", "f(")
    fc.assert(
      fc.property(name, noise, noise, fc.nat(3), (text, before, after, form) => {
        const quoted = JSON.stringify(text).replace(/\\u([0-9a-f]{4})|\\([nrtbf])/g, (_, code, letter) => {
          return code ? `\\${code} ` : hex({ n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" }[letter as string]!)
        })
        const written = [`url(${hex(text)})`, `url(${quoted})`, `url( '${hex(text)}' )`, `@import ${quoted};`][form]!
        expect(found(`${before}${written}${after}`)).toEqual([text])
      }),
    )
  })

  test("says where in the text each character stands", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab1 \\\n\"'()/*@;url{}f\u00e9") }), (css) => {
        for (const { value, at } of cssReferences(css)) {
          for (let i = 0; i < value.length; i++) {
            expect(at(i)).toBeLessThanOrEqual(at(i + 1))
            if (css[at(i)] !== "\\") expect(css[at(i)]).toBe(value[i])
          }
          expect(at(value.length)).toBeLessThanOrEqual(css.length)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test("takes time in proportion to a hostile text", () => {
    const many = 1 << 20
    const ms = (css: string) => {
      const start = performance.now()
      cssReferences(css)
      return performance.now() - start
    }
    for (const piece of [
      "url(",
      "url('",
      "/*",
      "\\",
      "\\a ",
      "a",
      "-",
      "(",
      "'",
      "@import ",
      "1",
      "url(\\",
      " ",
      "f(",
    ]) {
      const css = piece.repeat(many / piece.length)
      ms(css)
      expect(ms(css), JSON.stringify(piece)).toBeLessThan(2_000)
    }
    expect(ms(`url(data:font/woff2;base64,${"A".repeat(20 * many)})`)).toBeLessThan(2_000)
  })
})
