import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Fingerprint, mayRefer, withFingerprints } from "../../src/cli/digest-references.ts"

const digest = "0123456789abcdef0123456789abcdef"
const paths = [
  "a.png",
  "img/a.png",
  "img/a b.png",
  "img/café.png",
  "img/100%.png",
  'img/it\'s (a) "b".png',
  "img/icon@2x.png",
  "img/x.tar.svg",
  "LICENSE",
  "css/app.css",
  "css/sub/b.css",
  "css/app.css.map",
  "css/).png",
  "js/app.js",
  "js/app.js.map",
]
const names = new Map<string, Fingerprint>(
  paths.map((path) => {
    const [tail = ""] = /(?:\.[^./]*\.map|\.[^./]*)$/.exec(path) ?? []
    return [path, { path, digest, tail, digested: `${path.slice(0, path.length - tail.length)}-${digest}${tail}` }]
  }),
)
/** Written with "#" where a digest is expected, to be read. */
const rewritten = (text: string, path = "css/app.css", vsn = true) =>
  withFingerprints(Buffer.from(text), path, names, vsn).toString().replaceAll(`-${digest}`, "@@")
const inUrl = (url: string, path?: string, vsn?: boolean) => rewritten(`url(${url})`, path, vsn).slice(4, -1)

describe("references in a style sheet", () => {
  test.each([
    ["../img/a.png", "../img/a@@.png?vsn=d"],
    ["/img/a.png", "/img/a@@.png?vsn=d"],
    ["'/img/a.png'", "'/img/a@@.png?vsn=d'"],
    ['"../img/a.png"', '"../img/a@@.png?vsn=d"'],
    ["  ../img/a.png\n", "  ../img/a@@.png?vsn=d\n"],
    ["' ../img/a.png '", "' ../img/a@@.png?vsn=d '"],
    ["./app.css", "./app@@.css?vsn=d"],
    ["sub/b.css", "sub/b@@.css?vsn=d"],
    ["sub/../sub/./b.css", "sub/../sub/./b@@.css?vsn=d"],
    ["../img/%2e%2e/a.png", "../img/%2e%2e/a@@.png?vsn=d"],
    ["../img/x.tar.svg#icon", "../img/x.tar@@.svg?vsn=d#icon"],
    ["../img/x.tar.svg#a#b?c", "../img/x.tar@@.svg?vsn=d#a#b?c"],
    ["../img/a.png?", "../img/a@@.png?vsn=d"],
    ["../img/a.png?#iefix", "../img/a@@.png?vsn=d#iefix"],
    ["../img/a.png?v=4.7#x", "../img/a@@.png?vsn=d&v=4.7#x"],
    ["../img/a.png?vsn=d", "../img/a@@.png?vsn=d"],
    ["'../img/a b.png'", "'../img/a b@@.png?vsn=d'"],
    ["../img/a%20b.png", "../img/a%20b@@.png?vsn=d"],
    ["../img/a\\ b.png", "../img/a\\ b@@.png?vsn=d"],
    ["../img/caf\u00e9.png", "../img/caf\u00e9@@.png?vsn=d"],
    ["../img/caf%C3%A9.png", "../img/caf%C3%A9@@.png?vsn=d"],
    ["../img/caf\\e9.png", "../img/caf\\e9@@.png?vsn=d"],
    ["../img/caf\\0000e9.png", "../img/caf\\0000e9@@.png?vsn=d"],
    ["../img/100%.png", "../img/100%@@.png?vsn=d"],
    ["../img/100%25.png", "../img/100%25@@.png?vsn=d"],
    ["'../img/it\\'s (a) \"b\".png'", "'../img/it\\'s (a) \"b\"@@.png?vsn=d'"],
    ["../img/icon@2x.png", "../img/icon@2x@@.png?vsn=d"],
    ["../img/a%2Epng", "../img/a@@%2Epng?vsn=d"],
    ["../img/a\\2e png", "../img/a@@\\2e png?vsn=d"],
    ["/LICENSE", "/LICENSE@@?vsn=d"],
    ['"\\29 .png"', '"\\29 @@.png?vsn=d"'],
    ["\\29\n.png", "\\29\n@@.png?vsn=d"],
  ])("%j becomes %j", (url, wanted) => {
    expect(inUrl(url)).toBe(wanted)
    const [before, after, ...more] = inUrl(url, "css/app.css", false).split("@@")
    expect([before! + after!, more]).toEqual([url, []])
    expect(wanted.startsWith(`${before}@@`)).toBe(true)
  })

  test.each([
    ["https://example.com/img/a.png"],
    ["HTTPS://example.com/img/a.png"],
    ["//example.com/img/a.png"],
    ["///img/a.png"],
    ["data:image/png;base64,AAAA"],
    ["blob:../img/a.png"],
    ["about:blank"],
    ["\\64 ata:../img/a.png"],
    ["#id"],
    ["?x"],
    ["''"],
    [""],
    ["/"],
    ["../img/"],
    ["../img/b.png"],
    ["../../a.png"],
    ["../../css/app.css"],
    ["..//img/a.png"],
    ["../img/a.png/"],
    ["../img/a.png/."],
    ["../img/a.png/.."],
    ["..%2Fimg%2Fa.png"],
    ["sub%2Fb.css"],
    ["../img\\\\a.png"],
    ["../img/%FF.png"],
    ["../img/A.PNG"],
    ["a.png"],
    ["'../img/\\9 a.png'"],
  ])("%j stays as it is", (url) => expect(inUrl(url)).toBe(url))

  test("are resolved from the folder of the style sheet, at the top too", () => {
    expect(inUrl("img/a.png", "app.css")).toBe("img/a@@.png?vsn=d")
    expect(inUrl("../../img/a.png", "css/sub/b.css")).toBe("../../img/a@@.png?vsn=d")
    expect(inUrl("../img/a.png", "app.css")).toBe("../img/a.png")
  })

  test("name what is imported, also in a circle", () => {
    expect(rewritten("@import 'sub/b.css';@import url(app.css);")).toBe(
      "@import 'sub/b@@.css?vsn=d';@import url(app@@.css?vsn=d);",
    )
  })

  test("name the source map in the last comment, without vsn", () => {
    expect(rewritten("a{}\n/*# sourceMappingURL=app.css.map */\n")).toBe("a{}\n/*# sourceMappingURL=app@@.css.map */\n")
    expect(rewritten("/*# sourceMappingURL=app.css.map */ a{}")).toBe("/*# sourceMappingURL=app.css.map */ a{}")
    expect(rewritten("//# sourceMappingURL=app.css.map")).toBe("//# sourceMappingURL=app.css.map")
  })
})

describe("the source map of a script", () => {
  const js = (text: string) => rewritten(text, "js/app.js")

  test.each([
    ["go()\n//# sourceMappingURL=app.js.map", "go()\n//# sourceMappingURL=app@@.js.map"],
    ["go();//# sourceMappingURL=app.js.map\n", "go();//# sourceMappingURL=app@@.js.map\n"],
    ["//@ sourceMappingURL=app.js.map\r\n", "//@ sourceMappingURL=app@@.js.map\r\n"],
    ["//# sourceMappingURL=/js/app.js.map?x", "//# sourceMappingURL=/js/app@@.js.map?x"],
    ["/*# sourceMappingURL=app.js.map */", "/*# sourceMappingURL=app@@.js.map */"],
    [
      "//# sourceMappingURL= app.js.map \n// bye\n/* bye */\n",
      "//# sourceMappingURL= app@@.js.map \n// bye\n/* bye */\n",
    ],
    [
      "//# sourceMappingURL=x.js.map\n//# sourceMappingURL=app.js.map",
      "//# sourceMappingURL=x.js.map\n//# sourceMappingURL=app@@.js.map",
    ],
  ])("%j becomes %j", (text, wanted) => expect(js(text)).toBe(wanted))

  test.each([
    ["//# sourceMappingURL=app.js.map\ngo()"],
    ["const x = '//# sourceMappingURL=app.js.map'"],
    ["const x = `\n//# sourceMappingURL=app.js.map\n`"],
    ["//# sourceMappingURL=data:application/json;base64,e30="],
    ["//# sourceMappingURL=https://example.com/app.js.map"],
    ["//# sourceMappingURL=other.js.map"],
    ["//# sourceMappingURL="],
    ["sourceMappingURL=app.js.map"],
    ["// sourceMappingURL=app.js.map"],
    ["//# sourceMappingURL=app.js.map more"],
    ["//# sourceMappingURL=app.js.map */"],
    ["/*# sourceMappingURL=app.js.map\n"],
    ["import './app.js'; fetch('/img/a.png')"],
  ])("%j stays as it is", (text) => expect(js(text)).toBe(text))

  test("names its script", () => {
    expect(
      rewritten('{"version":3,"file":"app.js","sourcesContent":["\\"file\\":\\"app.js\\""]}', "js/app.js.map"),
    ).toBe('{"version":3,"file":"app@@.js","sourcesContent":["\\"file\\":\\"app.js\\""]}')
  })
})

test("other files are not read for references", () => {
  expect(["a.css", "a.JS", "a.mjs", "a.js.map", "b.css/a.html", "css", "a.png"].map(mayRefer)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})

test("nothing changes but the names that are referred to, whatever the bytes", () => {
  const pieces = fc.constantFrom(
    ..."'\"()\\/*@;{}\n ".split(""),
    "url(",
    "@import ",
    "image-set(",
    "../img/a.png",
    "/a.png",
    "%2e",
    "\\29 ",
    "?x",
    "#y",
    "//# sourceMappingURL=/js/app.js.map",
    "\u00e9",
  )
  const bytes = fc
    .array(
      fc.oneof(
        { weight: 9, arbitrary: pieces.map((text) => Buffer.from(text)) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3 }) },
      ),
      { maxLength: 30 },
    )
    .map((parts) => Buffer.concat(parts))
  let changed = 0
  fc.assert(
    fc.property(bytes, fc.constantFrom("css/app.css", "js/app.js", "js/app.js.map"), (content, path) => {
      const copy = withFingerprints(content, path, names, true)
      const back = copy
        .toString("latin1")
        .replaceAll(`-${digest}`, "")
        .replaceAll("?vsn=d&", "?")
        .replaceAll("?vsn=d", "")
      const same = content.toString("latin1")
      // "?" alone may stand before a version.
      expect(back.replaceAll("?", "")).toBe(same.replaceAll("?", ""))
      if (!copy.equals(content)) changed++
      else expect(copy).toBe(content)
    }),
    { numRuns: 5000 },
  )
  expect(changed).toBeGreaterThan(50)
})

test("a copy's references name copies: what is rewritten once is not rewritten again", () => {
  const once = withFingerprints(
    Buffer.from("@import 'sub/b.css'; a { b: url(../img/a.png) }"),
    "css/app.css",
    names,
    true,
  )
  expect(withFingerprints(once, "css/app.css", names, true)).toBe(once)
})
