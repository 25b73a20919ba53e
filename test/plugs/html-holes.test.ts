import { createRequire } from "node:module"
import fc from "fast-check"
import { UsageError } from "plumage"
import { describe, expect, test } from "vitest"
import { html } from "../../src/plugs/html.ts"
import { type HoleKind, templateOf } from "../../src/plugs/html-holes.ts"

/** Where the values stand in a template that is written with "@" for each. */
const kinds = (template: string) => templateOf(template.split("@")).holes.map(({ kind }) => kind)

describe("a hole is", () => {
  test.each<[string, HoleKind[]]>([
    ["@", ["text"]],
    ["<p>@</p>@", ["text", "text"]],
    ["a < b @ c", ["text"]],
    ["1 <2 @", ["text"]],
    ["<p title='@' lang=\"@\">@</p>", ["attribute", "attribute", "text"]],
    ["<p title = \n '@'>", ["attribute"]],
    ["<p a=b c d='@'>", ["attribute"]],
    ["<p a/b='@'/>@", ["attribute", "text"]],
    ["<p title='>' lang='@'>", ["attribute"]],
    ["<p =x='@'>", ["attribute"]],
    ["<P TITLE='@'>", ["attribute"]],
    ["<a href='@'>", ["url"]],
    ["<a href='@@'>", ["url", "url"]],
    ["<a href='/users/@'>", ["attribute"]],
    ["<a href='https://a.example/@'>", ["attribute"]],
    ["<a href='?q=@&r=@'>", ["attribute", "attribute"]],
    ["<a href='java@'>", ["url"]],
    ["<a HREF='@' data-href='@'>", ["url", "attribute"]],
    ["<img src='@'><form action='@'><button formaction='@'><object data='@'>", ["url", "url", "url", "url"]],
    ["<svg><a xlink:href='@'/></svg>", ["url"]],
    ["<a onclick='@' ONMOUSEOVER=\"f(@)\">", ["handler", "handler"]],
    ["<a style='@'>", ["style"]],
    ["<iframe srcdoc='@'></iframe>", ["srcdoc"]],
    ["<script>@</script>@", ["script", "text"]],
    ["<SCRIPT type=module>@</Script >@", ["script", "text"]],
    ["<script>'</scripts>' @</script>", ["script"]],
    ["<style>a { b: @ }</style>", ["css"]],
    ["<title>@</title><textarea>\n@</textarea>", ["text", "text"]],
    ["<title><a href=@</title>", ["text"]],
    ["<noscript><img src='@'></noscript>", ["url"]],
    ["<!-- @ --><a href='@'>", ["text", "url"]],
    ["<!--><a href='@'>", ["url"]],
    ["<!---><a href='@'>", ["url"]],
    ["<!-- --!><a href='@'>", ["url"]],
    ["<!-- -- > <a href=@ -->", ["text"]],
    ["<!doctype html><p>@", ["text"]],
    ["<?xml version='1.0'?>@", ["text"]],
    ["</><p>@", ["text"]],
    ["</p title='@'>", ["attribute"]],
    ["<input ?checked='@' ?disabled=\"@\">", ["flag", "flag"]],
  ])("%s", (template, expected) => {
    expect(kinds(template)).toEqual(expected)
  })
})

describe("a hole is refused", () => {
  test.each([
    ["in an attribute without quotes", "<a href=@>"],
    ["in a part of one", "<a href=/users/@>"],
    ["behind spaces there", "<a href=\n@>"],
    ["as an attribute", "<a @>"],
    ["behind an attribute", "<a b @>"],
    ["right behind quotes", "<a b='c'@>"],
    ["as a part of a name", "<a data-@='b'>"],
    ["as a tag", "<@>"],
    ["as a part of a tag", "<h@>"],
    ["as a tag that ends", "</@>"],
    ["as a part of one that ends", "</h@>"],
    ["behind a slash", "<br/@>"],
    ["in a doctype", "<!doctype @>"],
    ["in half a comment", "<!-@->"],
    ["where a comment would end", "<!-- --@> -->"],
    ["where a title would end", "<title></ti@tle></title>"],
    ["where a script would end", "<script></@script></script>"],
    ["in a javascript: URL", "<a href='javascript:f(@)'>"],
    ["in one in disguise", "<a href=' JavaScript:f(@)'>"],
    ["beside the value of a flag", "<a ?b='c@'>"],
    ["behind the value of a flag", "<a ?b='@c'>"],
    ["twice in a flag", "<a ?b='@@'>"],
  ])("%s: %s", (_, template) => {
    expect(() => kinds(template)).toThrow(UsageError)
  })

  test("with the place", () => {
    expect(() => kinds("<p>hello</p><a href=@>")).toThrow(/value of href .*<a href=/)
  })
})

describe("a template is refused that ends", () => {
  test.each([
    "<",
    "<a",
    "<a ",
    "<a b",
    "<a b=",
    "<a b='",
    "<a b='c'",
    "</",
    "</a",
    "<!--",
    "<!-- --",
    "<!doctype",
    "<a b=c",
  ])("%s", (template) => {
    expect(() => kinds(template)).toThrow(/ends inside/)
  })
  test.each(["script", "style", "title", "textarea", "xmp", "iframe", "plaintext"])("inside <%s>", (name) => {
    expect(() => kinds(`<${name}>`)).toThrow(name)
    if (name !== "plaintext") expect(() => kinds(`<${name}></${name}>`)).not.toThrow()
  })
})

// The parser of browsers, as parse5 has it: what it makes of a page is the truth.
interface Node {
  nodeName: string
  attrs?: { name: string; value: string }[]
  childNodes?: Node[]
  content?: Node
}
const { parseFragment } = createRequire(import.meta.url)("parse5") as { parseFragment(page: string): Node }

/** Elements, attributes and comments, without what they hold. */
function shape({ nodeName, attrs = [], childNodes = [], content }: Node): unknown {
  const inner = childNodes.filter((node) => node.nodeName !== "#text").map(shape)
  return [nodeName, attrs.map(({ name }) => name), inner, content === undefined ? [] : shape(content)]
}
const urls = (node: Node): string[] => [
  ...(node.attrs ?? []).filter(({ name }) => /href|src|action/.test(name)).map(({ value }) => value),
  ...(node.childNodes ?? []).flatMap(urls),
]

describe("a page", () => {
  const piece = fc.constantFrom(
    ..."<>/='\"- !?a\n",
    "@",
    "@",
    "@",
    "<a href='",
    '<p title="',
    " href=",
    "'>",
    '">',
    "</a>",
    "<!--",
    "-->",
    "--",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea",
    "<noscript>",
    "</noscript>",
    "<style>",
    "</style>",
    "<br/>",
    "<!doctype html>",
  )
  const template = fc.array(piece, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(""))
  const hostile = fc.constantFrom(
    "<script>",
    "'\"><b x=y>",
    "' onclick='x",
    '" onclick="x',
    "--><b>",
    "-",
    ">",
    "</title><b>",
    "</textarea><b>",
    "</noscript><b>",
    "a onclick=x ",
    "javascript:alert(1)",
    " j\tava\nscript:alert(1)",
    "JAVASCRIPT:",
    "data:text/html,<b>",
    "&#106;avascript:",
    "&lt;b&gt;",
    "`",
    "\0",
    "",
  )

  test("has the shape of its template, whatever the values are, and no URL that runs", () => {
    let whole = 0
    fc.assert(
      fc.property(template, fc.array(hostile, { minLength: 12, maxLength: 12 }), (text, values) => {
        const strings = text.split("@")
        const tag = Object.freeze(Object.assign(strings, { raw: strings })) as unknown as TemplateStringsArray
        const render = (values: string[]) => String(html(tag, ...values))
        try {
          templateOf(strings)
          render(values)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
          return
        }
        whole++
        const page = parseFragment(render(values))
        expect(shape(page)).toEqual(shape(parseFragment(render(values.map(() => "x")))))
        for (const url of urls(page)) expect(url.replace(/[\0-\x20]/g, "")).not.toMatch(/^(?:javascript|data):/i)
      }),
      { numRuns: 5_000 },
    )
    expect(whole).toBeGreaterThan(500)
  })
})
