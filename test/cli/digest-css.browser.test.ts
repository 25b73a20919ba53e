import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { cssReferences } from "../../src/cli/digest-css.ts"
import { hasBrowser, openBrowser } from "../tools/browser.ts"

/** What a browser finds in style sheets: the URLs of declarations that it took, and of imports. */
function urlsOf(sheets: string[]): string[][] {
  const plain = (text: string) =>
    text.replace(
      /\\([0-9a-f]{1,6}) ?|\\(.)/gi,
      (_, code, one) => one ?? String.fromCodePoint(Number.parseInt(code, 16)),
    )
  return sheets.map((css) => {
    const style = document.createElement("style")
    style.textContent = css
    document.head.append(style)
    const urls: string[] = []
    const visit = (rules: CSSRuleList): void => {
      for (const rule of Array.from(rules)) {
        if (rule instanceof CSSImportRule) urls.push(rule.href)
        else if (rule instanceof CSSStyleRule) {
          for (const name of Array.from(rule.style)) {
            if (name.startsWith("--")) continue
            const value = rule.style.getPropertyValue(name)
            for (const [, url] of value.matchAll(/url\("((?:[^"\\]|\\.)*)"\)/g)) urls.push(plain(url!))
          }
        }
        if ("cssRules" in rule) visit(rule.cssRules as CSSRuleList)
      }
    }
    visit(style.sheet!.cssRules)
    style.remove()
    return urls
  })
}

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."ab.png \n\t\"'()\\/*;{}@,-_!<>#".split("")) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      "url(",
      "URL( ",
      "u\\72l(",
      ")",
      ";",
      "}",
      "a{background-image:",
      "a{background-image:url(",
      "a{background-image:url('x.png')}",
      "a{background-image:image-set('x.png' 1x)}",
      "@import 'y.css';",
      "@import url(",
      "@namespace url(n);",
      "@media all{",
      "/*",
      "*/",
      "<!--",
      "-->",
      "\\29 ",
      "\\000041",
      "\\\n",
      "\u00e9",
      "5px",
      ",url(z.png)",
    ),
  },
)

describe.skipIf(!hasBrowser())("the references of a style sheet", () => {
  test("are all that a browser finds, whatever the sheet; and no other where it takes the whole declaration", async () => {
    // A space at the end, since a backslash there stands for a character that no name has.
    const sheets = fc.sample(
      fc.array(piece, { maxLength: 25 }).map((pieces) => `${pieces.join("")} `),
      4_000,
    )
    const values = fc.sample(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
      4_000,
    )
    const declarations = values.map((value) => `a{background-image:url(${value})}`)
    const browser = await openBrowser()
    try {
      const page = await browser.newPage()
      const [inSheets, inDeclarations] = [
        await page.evaluate(urlsOf, sheets),
        await page.evaluate(urlsOf, declarations),
      ]
      const ours = (css: string) =>
        cssReferences(Buffer.from(css).toString("latin1")).map(({ value }) => Buffer.from(value, "latin1").toString())
      for (const [at, css] of sheets.entries()) {
        for (const url of inSheets[at]!) expect(ours(css), JSON.stringify(css)).toContain(url)
      }
      let taken = 0
      for (const [at, css] of declarations.entries()) {
        const theirs = inDeclarations[at]!
        if (theirs.length > 0) taken++
        if (theirs.length === 1 && !/[;{}@]/.test(values[at]!)) expect(ours(css), JSON.stringify(css)).toEqual(theirs)
      }
      expect(inSheets.flat().length).toBeGreaterThan(100)
      expect(taken).toBeGreaterThan(100)
    } finally {
      await browser.close()
    }
  })
})
