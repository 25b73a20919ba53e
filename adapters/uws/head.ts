/**
 * Reads the head of a request from the native library, at once and whole, and checks what its parser lets through
 * (RFC 9112 §3, §5, §6).
 *
 * All is read because all must be checked: the library looks at the first line of a name only, so a second host, or a
 * second length, is seen by nobody else.
 */
import type { Limits } from "../../src/conn/adapter.ts"
import type { NativeRequest } from "./binding.ts"
import { FieldReader, type Fields } from "./fields.ts"

/** The head of one request. */
export class Head {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly fields: Fields
  /** The status that the request gets instead of being served, 0 when it is fine. */
  readonly refusal: number

  constructor(method: string, request: NativeRequest, reader: HeadReader) {
    const path = request.getUrl()
    const query = request.getQuery() ?? ""
    this.method = method
    this.path = path
    this.query = query
    this.fields = reader.fields.read(request)
    this.refusal = reader.refusalOf(method, path, query) || this.fields.refusal
  }
}

/** What may not be in a target: controls, "#", and all beyond ASCII. */
const strange = /[^!"$-~]/

/** Reads the heads of a server's requests. */
export class HeadReader {
  readonly fields: FieldReader
  readonly #lineBytes: number

  constructor(limits: Limits) {
    this.fields = new FieldReader(limits)
    this.#lineBytes = limits.requestLineBytes
  }

  refusalOf(method: string, path: string, query: string): number {
    if (strange.test(path)) return 400
    let bytes = method.length + path.length + "  HTTP/1.1".length
    if (query !== "") {
      if (strange.test(query)) return 400
      bytes += 1 + query.length
    }
    return bytes > this.#lineBytes ? 414 : 0
  }
}
