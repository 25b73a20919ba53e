/** Input checked against schemas before an action sees it, with any library that speaks Standard Schema. */

import type { StandardSchemaV1 } from "@standard-schema/spec"
import type { MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { UnsupportedMediaTypeError, UsageError, ValidationError, type ValidationIssue } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import { parseContentType } from "../http/media-type.ts"
import { noParams } from "./body-parser.ts"

/** What of a request is checked, each by a schema of its own. */
export interface Schemas {
  /** The parameters of the path. */
  readonly params?: StandardSchemaV1
  readonly query?: StandardSchemaV1
  /** What a parser made of the body. */
  readonly body?: StandardSchemaV1
  /** By lower-case name; several values of one name are joined with ", ", cookies with "; ". */
  readonly headers?: StandardSchemaV1
}
/** What the schemas made of their input. */
export type Valid<S extends Schemas> = {
  readonly [K in keyof S]: S[K] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S[K]> : never
}

type Part = keyof Schemas
type Result = StandardSchemaV1.Result<unknown>
type Check = readonly [part: Part, schema: StandardSchemaV1]

const parts: readonly Part[] = ["params", "query", "headers", "body"]
/** Issues that are told; a body of a million wrong items is not answered with a million lines. */
const mostIssues = 1_000
/** Characters that are told of a message and of a key; both may repeat what was sent. */
const longestMessage = 500
const longestKey = 100

/**
 * Checks parts of the request and assigns what the schemas made of them as `valid`. All issues of all parts are raised
 * together as a `ValidationError` (422), the first 1,000 of them. An earlier `validate` keeps its parts of `valid`.
 *
 * `body` wants a parser before it (`parsers`, `UsageError` otherwise). A body that no parser has taken is
 * `UnsupportedMediaTypeError` (415): no content type gets past the schema. What a schema throws is not the client's to
 * know (500). Sync schemas stay sync. The messages of issues are shown to the client, and some libraries repeat there what
 * was sent.
 *
 * Raises `InvalidOptionError` for what is no Standard Schema (zod, valibot, arktype …), and for no part at all.
 *
 * @example
 * const positive = (value) => Number(value.page) > 0 ? { value: { page: Number(value.page) } } : { issues: [{ message: "at least 1", path: ["page"] }] }
 * const page = validate({ query: { "~standard": { version: 1, vendor: "me", validate: positive } } })
 * call(page, conn("GET", "/?page=2")).assigns.valid //=> { query: { page: 2 } }
 * call(page, conn("GET", "/?page=0")) //=> throws ValidationError
 */
export function validate<const S extends Schemas>(
  schemas: S,
): (conn: Conn) => MaybePromise<Conn<{ readonly valid: Valid<S> }>> {
  checkOptionNames("validate", schemas, parts)
  const checks = parts.filter((part) => Object.hasOwn(schemas, part)).map((part) => [part, schemas[part]!] as const)
  checkOption("validate", "schemas", checks.length > 0, `at least one of ${parts.join(", ")}`, schemas)
  for (const [part, schema] of checks) {
    checkOption("validate", part, isSchema(schema), "a Standard Schema", kind(schema))
  }
  return (conn) => run(conn, checks) as MaybePromise<Conn<{ readonly valid: Valid<S> }>>
}

function run(conn: Conn, checks: readonly Check[]): MaybePromise<Conn> {
  // All input first: what cannot be read is no matter for schemas, and none is left behind at work.
  const inputs = checks.map(([part]) => inputOf(conn, part))
  const results: MaybePromise<Result>[] = []
  let waits = false
  try {
    for (let i = 0; i < checks.length; i++) {
      const result = checks[i]![1]["~standard"].validate(inputs[i])
      waits ||= isPromise(result)
      results.push(result)
    }
  } catch (error) {
    // Nobody waits for the others now, nor may they fail unheard.
    Promise.allSettled(results)
    throw error
  }
  if (waits) return Promise.all(results).then((settled) => conclude(conn, checks, settled))
  return conclude(conn, checks, results as Result[])
}

function conclude(conn: Conn, checks: readonly Check[], results: readonly Result[]): Conn {
  const valid: Partial<Record<Part, unknown>> = { ...(conn.assigns as { valid?: object }).valid }
  const issues: ValidationIssue[] = []
  checks.forEach(([part, schema], i) => {
    const result = results[i]
    if (typeof result !== "object" || result === null) {
      throw new UsageError(`the schema for ${part} (${schema["~standard"].vendor}) gave no result, but ${kind(result)}`)
    }
    if (result.issues) collect(issues, part, result.issues)
    else valid[part] = result.value
  })
  if (issues.length > 0) throw new ValidationError(issues)
  return conn.assign("valid", valid)
}

function collect(issues: ValidationIssue[], part: Part, found: readonly StandardSchemaV1.Issue[]): void {
  if (found.length === 0) issues.push({ path: [part], message: "is not valid" })
  for (const { message, path = [] } of found) {
    if (issues.length === mostIssues) return
    issues.push({ path: [part, ...path.map(keyOf)], message: cut(String(message), longestMessage) })
  }
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key: unknown = typeof segment === "object" && segment !== null ? segment.key : segment
  if (typeof key === "number") return key
  // The key of a Map may be anything, and what it says of itself is not asked.
  return typeof key === "object" && key !== null ? "[object]" : cut(String(key), longestKey)
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}

function inputOf(conn: Conn, part: Part): unknown {
  switch (part) {
    case "params":
      return conn.pathParams
    case "query":
      return conn.queryParams
    case "headers":
      return headersOf(conn.reqHeaders)
    case "body":
      return bodyOf(conn)
  }
}

function headersOf(list: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i]!, list[i + 1]!]
    headers[name] = name in headers ? `${headers[name]}${name === "cookie" ? "; " : ", "}${value}` : value
  }
  return headers
}

/** What a parser made of the body. Raises where that is not all that was sent. */
function bodyOf(conn: Conn): unknown {
  const body = inner(conn).parsed?.body
  const unread = body === undefined ? passed(conn) : body === noParams && announced(conn)
  if (unread) throw new UnsupportedMediaTypeError("the body of this request has a content type that is not read here")
  return conn.bodyParams
}

/** The types that the parsers of ours read. */
const ours = /^(?:application\/(?:x-www-form-urlencoded|json|.*\+json)|multipart\/(?:form-data|mixed))$/

/** Whether a parser let the body pass unread. Where none says so, it did if none of ours reads such a type. */
function passed(conn: Conn): boolean {
  if (conn.private["plumage_parsers"] === "passed") return true
  const header = conn.getReqHeader("content-type")
  if (header === undefined) return false
  const type = parseContentType(header)
  return type === undefined || !ours.test(`${type.type}/${type.subtype}`)
}

function announced({ exchange }: Conn): boolean {
  const declared = exchange.getHeader("content-length")
  return declared === undefined ? exchange.getHeader("transfer-encoding") !== undefined : Number(declared) !== 0
}

function isSchema(schema: unknown): schema is StandardSchemaV1 {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return false
  const standard = (schema as StandardSchemaV1)["~standard"]
  return standard?.version === 1 && typeof standard.validate === "function"
}

function isPromise(result: unknown): boolean {
  return typeof (result as PromiseLike<unknown> | null | undefined)?.then === "function"
}

function kind(value: unknown): string {
  return value === null ? "null" : typeof value
}
