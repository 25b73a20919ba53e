/**
 * The authority of a request: what a Host header may say (RFC 9110 §7.2, RFC 3986 §3.2).
 */

/** A host as it was sent (an IPv6 literal keeps its brackets), and the port where one was given. */
export interface Authority {
  readonly host: string
  readonly port: number | undefined
}

const plain = /^([A-Za-z0-9\-._]+)(?::(\d*))?$/
const registered = /^((?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::(\d*))?$/
const literal = /^\[([^\]]*)\](?::(\d*))?$/
const future = /^v[0-9a-f]+\.[a-z0-9\-._~!$&'()*+,;=:]+$/i

/** Requests come in runs for one host. */
let lastText = ""
let lastParsed: Authority | undefined

/**
 * Host and port of a Host header, undefined when it is malformed or has no host. The result is frozen.
 *
 * A port is 0 to 65535; "host:" has none. There is no userinfo, so "a@b" is malformed.
 *
 * @example
 * parseAuthority("Example.com:8080") //=> { host: "Example.com", port: 8080 }
 * parseAuthority("[::1]") //=> { host: "[::1]", port: undefined }
 * parseAuthority("user@example.com") //=> undefined
 */
export function parseAuthority(host: string): Authority | undefined {
  if (host === lastText) return lastParsed
  const parsed = parse(host)
  // What is long is not kept: it is no ordinary host.
  if (host.length <= 256) {
    lastText = host
    lastParsed = parsed
  }
  return parsed
}

function parse(text: string): Authority | undefined {
  const parts = plain.exec(text) ?? registered.exec(text)
  if (parts !== null) return authority(parts[1]!, parts[2])
  const bracketed = literal.exec(text)
  if (bracketed === null) return undefined
  const address = bracketed[1]!
  return isIPv6(address) || future.test(address) ? authority(`[${address}]`, bracketed[2]) : undefined
}

function authority(host: string, digits: string | undefined): Authority | undefined {
  const port = digits ? Number(digits) : undefined
  return port !== undefined && port > 65_535 ? undefined : Object.freeze({ host, port })
}

const group = /^[0-9A-Fa-f]{1,4}$/
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** RFC 3986's IPv6address: eight groups, one run of them written "::", the last two perhaps as IPv4. No zone. */
function isIPv6(text: string): boolean {
  if (text.length > 45) return false
  const halves = text.split("::")
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    if (half === "") {
      if (halves.length === 1) return false
      continue
    }
    const parts = half.split(":")
    const isEnd = index === halves.length - 1
    if (isEnd && ipv4.test(parts[parts.length - 1]!)) {
      parts.pop()
      groups += 2
    }
    if (!parts.every((part) => group.test(part))) return false
    groups += parts.length
  }
  return halves.length === 2 ? groups <= 7 : groups === 8
}
