/** Content-Disposition as others read it: by the grammar of RFC 6266 and RFC 8187, strictly, and as Express's library does. */
import { createRequire } from "node:module"
import { expect } from "vitest"

interface Read {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}
const express = createRequire(import.meta.url).resolve("express")
const library = createRequire(express)("content-disposition") as { parse(header: string): Read }

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
const extended = "UTF-8'[A-Za-z0-9-]*'(?:%[0-9A-Fa-f]{2}|[!#$&+\\-.^_`|~0-9A-Za-z])*"
const whole = new RegExp(`^${token}(?:[ \\t]*;[ \\t]*(?:${token}\\*=${extended}|${token}=(?:${token}|${quoted})))*$`)
const parameter = new RegExp(`;[ \\t]*(?:(${token})\\*=(${extended})|(${token})=(?:(${token})|(${quoted})))`, "g")

/** Type and names of a header; fails unless it is one by the grammar and the library reads the same. */
export function readDisposition(header: string): { type: string; ascii: string | undefined; filename: string } {
  expect(header).toMatch(whole)
  const read: Record<string, string> = {}
  for (const [, extendedName, value, name, plain, text] of header.matchAll(parameter)) {
    const key = extendedName === undefined ? name! : `${extendedName}*`
    expect(read, "a parameter that is there twice").not.toHaveProperty([key])
    if (value !== undefined) read[key] = decodeURIComponent(value.slice(value.lastIndexOf("'") + 1))
    else read[key] = plain ?? text!.slice(1, -1).replace(/\\(.)/g, "$1")
  }
  const filename = read["filename*"] ?? read["filename"]!
  const { type, parameters } = library.parse(header)
  expect([type, parameters["filename"]]).toEqual([header.split(";")[0], filename])
  return { type, ascii: read["filename"], filename }
}
