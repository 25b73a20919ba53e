/** What was thrown, whatever it is, and what caused it, as a bounded list. */

import { types } from "node:util"
import type { EditorLink } from "./debug-editor.ts"
import { type Frame, type Places, parseStack } from "./debug-frames.ts"
import { attempt, clean, type Mask, messageOf, nameOf } from "./debug-mask.ts"
import { Sources } from "./debug-source.ts"

export interface DebugError {
  /** How it came into this: "" for the error itself, "cause", "errors[0]" of an AggregateError, … */
  readonly relation: string
  readonly name: string
  readonly message: string
  /** What else it carries, as Node prints it; "" when nothing. */
  readonly details: string
  readonly frames: readonly Frame[]
}

const most = 12
/** Frames of one error that show their source. */
const maxExcerpts = 12
const usual: ReadonlySet<PropertyKey> = new Set([
  "name",
  "message",
  "stack",
  "cause",
  "errors",
  "error",
  "suppressed",
  "status",
])

export interface ErrorSettings {
  readonly mask: Mask
  readonly places: Places
  readonly link: EditorLink | undefined
}

/** The error, its causes and the members of an AggregateError, each once, at most twelve. */
export function errorsOf(error: unknown, settings: ErrorSettings): [DebugError, ...DebugError[]] {
  const sources = new Sources(settings.places.app)
  const seen = new Set<unknown>([error])
  const errors: [DebugError, ...DebugError[]] = [describe(error, "", settings, sources)]
  const waiting: [relation: string, error: unknown][] = parts(error)
  while (waiting.length > 0 && errors.length < most) {
    const [relation, part] = waiting.shift()!
    if (seen.has(part)) continue
    seen.add(part)
    errors.push(describe(part, relation, settings, sources))
    waiting.unshift(...parts(part).map(([name, one]): [string, unknown] => [`${relation} › ${name}`, one]))
  }
  return errors
}

/** An object that may be read: neither a Proxy, which decides what it shows, nor a plain value. */
function isError(value: unknown): value is Error {
  if (typeof value !== "object" || value === null || types.isProxy(value)) return false
  return types.isNativeError(value) || attempt(() => value instanceof Error, false)
}

function parts(error: unknown): [relation: string, error: unknown][] {
  if (!isError(error)) return []
  const found: [string, unknown][] = []
  const add = (name: string): void => {
    const value: unknown = attempt(() => (error as unknown as Record<string, unknown>)[name], undefined)
    if (value !== undefined) found.push([name, value])
  }
  if (attempt(() => "cause" in error, false)) add("cause")
  if (attempt(() => "suppressed" in error, false)) for (const name of ["error", "suppressed", "status"]) add(name)
  const members: unknown = attempt(() => (error as AggregateError).errors, undefined)
  if (Array.isArray(members) && !types.isProxy(members)) {
    for (let at = 0; at < members.length && at < most; at++)
      found.push([`errors[${at}]`, attempt(() => members[at], undefined)])
  }
  return found
}

function describe(error: unknown, relation: string, settings: ErrorSettings, sources: Sources): DebugError {
  const { mask } = settings
  if (!isError(error)) {
    const nothing = error === null || error === undefined
    const message = typeof error === "string" ? clean(error) : nothing ? "" : mask.print(error)
    return { relation, name: `thrown ${error === null ? "null" : typeof error}`, message, details: "", frames: [] }
  }
  return {
    relation,
    name: nameOf(error),
    message: messageOf(error),
    details: detailsOf(error, mask),
    frames: framesOf(error, settings, sources),
  }
}

function framesOf(error: Error, { places, link }: ErrorSettings, sources: Sources): Frame[] {
  const stack: unknown = attempt(() => error.stack, undefined)
  const message: unknown = attempt(() => error.message, undefined)
  if (typeof stack !== "string") return []
  const frames = parseStack(stack, typeof message === "string" ? message : "", places)
  let left = maxExcerpts
  for (const frame of frames) {
    const { kind, path, line, column } = frame
    if (path === undefined) continue
    frame.link = link?.(path, line, column)
    if (kind === "app" && left-- > 0) frame.excerpt = sources.excerpt(path, line)
  }
  return frames
}

/** The error's own values beside the usual ones: `code`, `sql`, `issues`, … */
function detailsOf(error: Error, mask: Mask): string {
  const details: object = Object.create(null)
  let some = false
  for (const key of attempt(() => Reflect.ownKeys(error), [])) {
    const own = attempt(() => Object.getOwnPropertyDescriptor(error, key), undefined)
    if (own === undefined || !own.enumerable || usual.has(key) || own.value === undefined) continue
    if (Array.isArray(own.value) && own.value.length === 0) continue
    Object.defineProperty(details, key, own)
    some = true
  }
  return some ? mask.print(details).replace(/^\[Object: null prototype\] /, "") : ""
}
