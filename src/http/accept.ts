/**
 * Content negotiation: which of what we have a client likes best (RFC 9110 §12.5).
 *
 * A client without the header, or with an empty one, has no preference. Only the first 4 kB of a header count.
 */
import Negotiator from "negotiator"

const limit = 4096

/** A header cut at an item's end, so that its length cannot make the comparison with all we have costly. */
function bounded(header: string): string {
  return header.length > limit ? header.slice(0, Math.max(header.lastIndexOf(",", limit), 0)) : header
}

/**
 * The available media type that the client prefers, the first one where it has no preference; undefined (406) when it
 * accepts none.
 *
 * @example
 * acceptedType("text/html;q=0.5, application/json", ["text/html", "application/json"]) //=> "application/json"
 * acceptedType("image/*", ["text/html"]) //=> undefined
 * acceptedType(undefined, ["text/html"]) //=> "text/html"
 */
export function acceptedType(accept: string | undefined, available: readonly string[]): string | undefined {
  if (accept === undefined || accept === "" || accept === "*/*") return available[0]
  return new Negotiator({ headers: { accept: bounded(accept) } }).mediaType(available)
}

/**
 * The available content coding that the client prefers, ours to choose where it has no preference: the first. Undefined
 * when the content goes as it is, because the client wants it so or takes none of ours; "identity" only when it is
 * available by name.
 *
 * @example
 * acceptedEncoding("gzip, br", ["br", "gzip"]) //=> "br"
 * acceptedEncoding("gzip;q=0, *", ["gzip", "br"]) //=> "br"
 * acceptedEncoding(undefined, ["gzip"]) //=> undefined
 */
export function acceptedEncoding(accept: string | undefined, available: readonly string[]): string | undefined {
  if (accept === undefined || accept === "") return available.includes("identity") ? "identity" : undefined
  const negotiator: Encodings = new Negotiator({ headers: { "accept-encoding": bounded(accept) } })
  // Without "identity" among them the library would offer a coding to a client that prefers none.
  const all = available.includes("identity") ? available : [...available, "identity"]
  const best = negotiator.encodings(all, { preferred: all })[0]
  return best !== undefined && available.includes(best) ? best : undefined
}

/** What the library does and its types do not say. */
interface Encodings {
  encodings(available: readonly string[], options?: { preferred: readonly string[] }): string[]
}

/**
 * The available language that the client prefers, the first one where it has no preference; undefined when it accepts
 * none. A range accepts its own variants ("en" takes "en-GB").
 *
 * @example
 * acceptedLanguage("de-CH, en;q=0.8", ["en", "de"]) //=> "de"
 */
export function acceptedLanguage(accept: string | undefined, available: readonly string[]): string | undefined {
  if (accept === undefined || accept === "") return available[0]
  return new Negotiator({ headers: { "accept-language": bounded(accept) } }).language(available)
}
