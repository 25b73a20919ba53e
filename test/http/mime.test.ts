import { expect, test } from "vitest"
import { mimeFromPath, mimeType } from "../../src/http/mime.ts"

test("the types that Plug names hold", () => {
  expect(
    Object.fromEntries(
      [
        "js",
        "mjs",
        "xml",
        "ico",
        "woff2",
        "wasm",
        "webmanifest",
        "svgz",
        "txt",
        "text",
        "html",
        "css",
        "json",
        "png",
        "svg",
      ].map((extension) => [extension, mimeType(extension)]),
    ),
  ).toEqual({
    js: "text/javascript",
    mjs: "text/javascript",
    xml: "text/xml",
    ico: "image/vnd.microsoft.icon",
    woff2: "font/woff2",
    wasm: "application/wasm",
    webmanifest: "application/manifest+json",
    svgz: "image/svg+xml",
    txt: "text/plain",
    text: "text/plain",
    html: "text/html",
    css: "text/css",
    json: "application/json",
    png: "image/png",
    svg: "image/svg+xml",
  })
})

test("an extension counts in any case, with or without its dot", () => {
  expect(mimeType(".HTML")).toBe("text/html")
  expect(mimeType("JpG")).toBe("image/jpeg")
})

test("what nobody knows is bytes, names of Object's prototype too", () => {
  for (const extension of ["", ".", "nope", "constructor", "__proto__", "toString", "a.html", "..html"]) {
    expect(mimeType(extension), extension).toBe("application/octet-stream")
  }
})

test("a path counts by the last extension of its last segment", () => {
  expect(mimeFromPath("/a.b/app.min.JS")).toBe("text/javascript")
  for (const path of ["index.html", "a.html", "/a.html", "/b/a.html"]) expect(mimeFromPath(path)).toBe("text/html")
  for (const path of ["", "/", "Makefile", "/a.html/b", "/.html", ".html", "a.", "/a.html/"]) {
    expect(mimeFromPath(path), path).toBe("application/octet-stream")
  }
})
