/** The parser of forms with files, after Plug.Parsers.MULTIPART: fields are text, files are uploads on disk. */

import { unlink } from "node:fs/promises"
import { ParseError, ServiceUnavailableError } from "../conn/errors.ts"
import { checkOption } from "../conn/options.ts"
import type { Conn } from "../conn/states.ts"
import type { MediaType } from "../http/media-type.ts"
import { ParamDepthError, ParamTree } from "../http/param-tree.ts"
import { type BodyParams, type ConfigurableParser, hasBody } from "./body-parser.ts"
import {
  checkStreamOptions,
  isMultipart,
  type MultipartPart,
  type MultipartStreamOptions,
  readParts,
} from "./multipart-stream.ts"
import { createTempFile } from "./temp-files.ts"
import { Upload, type UploadOwner } from "./upload.ts"

export interface MultipartOptions extends MultipartStreamOptions {
  /** Brackets in a name; more is 400. 32. */
  maxDepth?: number
  /** Where this process makes its folder for uploads; the system's temporary folder (TMPDIR) when left out. */
  tmpDir?: string
}

/**
 * Reads multipart/form-data and multipart/mixed: a part with a file name becomes an `Upload` in a temporary file, any other
 * part text. Names nest as in a query. A file input that was left empty, and a part without a name, give nothing.
 *
 * `length` counts every byte that arrives, heads and boundaries too; the server's `limits.bodyBytes` (8,000,000) unless
 * given. Raises `ParseError` (400) for what is malformed, has no boundary, ends early, has a head over 16,384 bytes or text
 * that is not UTF-8; `RequestTooLargeError` (413) beyond the limits; `ServiceUnavailableError` (503) when the disk fails.
 * The files are deleted when the request is over, however it ends.
 *
 * @example
 * const body = '--b\r\ncontent-disposition: form-data; name="user[name]"\r\n\r\nann\r\n--b--\r\n'
 * const form = conn("POST", "/", body, { headers: { "content-type": "multipart/form-data; boundary=b" } })
 * await multipart().parse(form, { type: "multipart", subtype: "form-data", params: { boundary: "b" } }) //=> { user: { name: "ann" } }
 */
export function multipart(options: MultipartOptions = {}): ConfigurableParser {
  checkStreamOptions("multipart", options, ["maxDepth", "tmpDir"])
  const { tmpDir } = options
  const holds = tmpDir === undefined || (typeof tmpDir === "string" && tmpDir !== "")
  checkOption("multipart", "tmpDir", holds, "the path of a folder", tmpDir)
  return make(options)
}

function make(options: MultipartOptions): ConfigurableParser {
  return {
    name: "multipart",
    withDefaults: (defaults) => make({ ...defaults, ...options }),
    parse(conn, mediaType) {
      if (!isMultipart(mediaType)) return undefined
      if (!hasBody(conn)) throw new ParseError("the multipart body is empty")
      return readForm(conn, mediaType, options)
    },
  }
}

async function readForm(conn: Conn, mediaType: MediaType, options: MultipartOptions): Promise<BodyParams> {
  const tree = new ParamTree<string | Upload>(options.maxDepth)
  const uploads = new RequestUploads(conn)
  try {
    for await (const part of readParts(conn, mediaType, options)) {
      const value = await readPart(part, uploads, options.tmpDir)
      if (value !== undefined) tree.put(part.name, value)
    }
  } catch (error) {
    await uploads.deleteAll()
    if (error instanceof ParamDepthError) throw new ParseError("a name of the form nests too deep", { cause: error })
    throw error
  }
  return tree.done()
}

async function readPart(
  part: MultipartPart,
  uploads: RequestUploads,
  root?: string,
): Promise<string | Upload | undefined> {
  if (part.filename !== undefined) return store(part, uploads, root)
  const text = await part.text()
  // What a browser sends for a file input that was left empty: this type, and a name that is "".
  return text === "" && part.contentType === "application/octet-stream" ? undefined : text
}

/** Writes a part to a temporary file. Of one that cannot be written whole nothing stays. */
async function store(part: MultipartPart, uploads: RequestUploads, root: string | undefined): Promise<Upload> {
  const { path, handle } = await createTempFile(root).catch(diskFailed)
  try {
    let size = 0
    try {
      for await (const bytes of part.body) {
        await handle.appendFile(bytes).catch(diskFailed)
        size += bytes.length
      }
    } finally {
      await handle.close().catch(diskFailed)
    }
    const upload = new Upload({ path, filename: part.filename!, contentType: part.contentType, size }, uploads)
    if (!uploads.take(upload)) await upload.delete()
    return upload
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  }
}

function diskFailed(cause: unknown): never {
  throw new ServiceUnavailableError("uploads cannot be stored now", { cause })
}

/** The uploads of one request, deleted when it is over. */
class RequestUploads implements UploadOwner {
  readonly #conn: Conn
  readonly #uploads = new Set<Upload>()
  #state: "unused" | "open" | "over" = "unused"

  constructor(conn: Conn) {
    this.#conn = conn
  }

  take(upload: Upload): boolean {
    if (this.#state === "over") return false
    this.#uploads.add(upload)
    if (this.#state === "open") return true
    this.#state = "open"
    this.#conn.onClose(() => {
      this.#state = "over"
      void this.deleteAll()
    })
    return true
  }

  release(upload: Upload): void {
    this.#uploads.delete(upload)
  }

  async deleteAll(): Promise<void> {
    await Promise.all([...this.#uploads].map((upload) => upload.delete()))
  }
}
