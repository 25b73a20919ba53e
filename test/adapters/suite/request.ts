/** Requests as bytes. */

/** The bytes of an HTTP/1.1 request: host and content-length are added unless the headers have them. */
export function bytesOf(
  method: string,
  target: string,
  init: { headers?: readonly string[]; body?: string | Uint8Array | undefined; version?: string } = {},
): Buffer {
  const { headers = [], body, version = "HTTP/1.1" } = init
  const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  const lines = [`${method} ${target} ${version}`]
  if (!names.includes("host")) lines.push("host: localhost")
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string, "latin1")
  if (body !== undefined && !names.includes("content-length") && !names.includes("transfer-encoding")) {
    lines.push(`content-length: ${bytes.length}`)
  }
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes])
}

/** A request as text, for cases that go on writing by hand. */
export function textOf(...request: Parameters<typeof bytesOf>): string {
  return bytesOf(...request).toString("latin1")
}

/** Text in the chunked coding, one chunk per piece. */
export function chunked(pieces: readonly string[], trailers = ""): string {
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("")}0\r\n${trailers}\r\n`
}
