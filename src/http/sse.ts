/**
 * Server-sent events as text (the event stream of the HTML standard, §9.2.5).
 */

export interface ServerSentEvent {
  /** Text as it is, line by line; anything else as JSON. Left out, the event only sets `id` or `retry`. */
  data?: unknown
  /** The name that listeners listen for ("message" without one). */
  event?: string | undefined
  /** What the client sends as Last-Event-ID when it comes back; "" makes it forget the last one. */
  id?: string | number | undefined
  /** Milliseconds that the client waits before it comes back. */
  retry?: number | undefined
}

const lineEnd = /\r\n|\r|\n/
const lineEnds = /\r\n|\r|\n/g

/**
 * One event: `event`, `id`, `retry`, then a `data` line for each line of the data.
 *
 * Raises a TypeError for a CR or LF in `event` or `id`, a NUL in `id`, a `retry` that is no whole number of milliseconds, and
 * data that JSON cannot write: nothing from outside can start a field of its own.
 *
 * @example
 * encodeEvent({ data: "a\nb", event: "news", id: "7" }) //=> "event: news\nid: 7\ndata: a\ndata: b\n\n"
 * encodeEvent({ data: { n: 1 }, retry: 500 }) //=> 'retry: 500\ndata: {"n":1}\n\n'
 */
export function encodeEvent({ data, event, id, retry }: ServerSentEvent): string {
  let text = ""
  if (event !== undefined) text += `event: ${field("event", event)}\n`
  if (id !== undefined) text += `id: ${field("id", typeof id === "number" ? String(id) : id)}\n`
  if (retry !== undefined) text += `retry: ${milliseconds(retry)}\n`
  if (data !== undefined) text += `data: ${lines(typeof data === "string" ? data : json(data), "\ndata: ")}\n`
  return text + "\n"
}

/**
 * A comment, which clients ignore: it keeps a line open and makes proxies pass on what they have.
 *
 * @example
 * encodeComment("") //=> ":\n\n"
 * encodeComment("a\nb") //=> ": a\n: b\n\n"
 */
export function encodeComment(text: string): string {
  return text === "" ? ":\n\n" : `: ${lines(text, "\n: ")}\n\n`
}

function lines(text: string, separator: string): string {
  return lineEnd.test(text) ? text.replace(lineEnds, separator) : text
}

function field(name: "event" | "id", value: string): string {
  if (typeof value !== "string") throw new TypeError(`the ${name} of an event is a string, got ${typeof value}`)
  if (lineEnd.test(value))
    throw new TypeError(`the ${name} of an event has a line break, which would start another field`)
  if (name === "id" && value.includes("\0"))
    throw new TypeError("the id of an event has a NUL, for which clients drop it")
  return value
}

function milliseconds(retry: number): number {
  if (Number.isSafeInteger(retry) && retry >= 0) return retry
  throw new TypeError(`the retry of an event is a whole number of milliseconds, got ${String(retry)}`)
}

function json(data: unknown): string {
  const text: string | undefined = JSON.stringify(data)
  if (text === undefined) throw new TypeError(`the data of an event cannot be a ${typeof data}`)
  return text
}
