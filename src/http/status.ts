/**
 * Response statuses by number and by name (RFC 9110 §15).
 *
 * A name is the reason phrase in lower case, without apostrophes, with "_" for everything else that is no letter. Phrases
 * are those of RFC 9110; where it renamed a status, Plug's older name means the same code.
 */
const codes = {
  continue: 100,
  switching_protocols: 101,
  processing: 102,
  early_hints: 103,
  ok: 200,
  created: 201,
  accepted: 202,
  non_authoritative_information: 203,
  no_content: 204,
  reset_content: 205,
  partial_content: 206,
  multi_status: 207,
  already_reported: 208,
  im_used: 226,
  multiple_choices: 300,
  moved_permanently: 301,
  found: 302,
  see_other: 303,
  not_modified: 304,
  use_proxy: 305,
  switch_proxy: 306,
  temporary_redirect: 307,
  permanent_redirect: 308,
  bad_request: 400,
  unauthorized: 401,
  payment_required: 402,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  proxy_authentication_required: 407,
  request_timeout: 408,
  conflict: 409,
  gone: 410,
  length_required: 411,
  precondition_failed: 412,
  content_too_large: 413,
  request_entity_too_large: 413,
  uri_too_long: 414,
  request_uri_too_long: 414,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  requested_range_not_satisfiable: 416,
  expectation_failed: 417,
  im_a_teapot: 418,
  misdirected_request: 421,
  unprocessable_content: 422,
  unprocessable_entity: 422,
  locked: 423,
  failed_dependency: 424,
  too_early: 425,
  upgrade_required: 426,
  precondition_required: 428,
  too_many_requests: 429,
  request_header_fields_too_large: 431,
  unavailable_for_legal_reasons: 451,
  internal_server_error: 500,
  not_implemented: 501,
  bad_gateway: 502,
  service_unavailable: 503,
  gateway_timeout: 504,
  http_version_not_supported: 505,
  variant_also_negotiates: 506,
  insufficient_storage: 507,
  loop_detected: 508,
  not_extended: 510,
  network_authentication_required: 511,
} as const

/** A status by name: `"ok"`, `"not_found"`, … */
export type StatusName = keyof typeof codes

/** Phrases that are not simply the name with capitals. */
const irregular: Partial<Record<StatusName, string>> = {
  ok: "OK",
  non_authoritative_information: "Non-Authoritative Information",
  multi_status: "Multi-Status",
  im_used: "IM Used",
  uri_too_long: "URI Too Long",
  im_a_teapot: "I'm a teapot",
  http_version_not_supported: "HTTP Version Not Supported",
}
const classes = ["Informational", "Success", "Redirection", "Client Error", "Server Error"]

const byName = new Map<string, number>(Object.entries(codes))
const names: (StatusName | undefined)[] = []
const phrases: (string | undefined)[] = []
const lines: (string | undefined)[] = new Array(1000)
for (const [name, code] of Object.entries(codes) as [StatusName, number][]) {
  if (names[code] !== undefined) continue
  names[code] = name
  phrases[code] = irregular[name] ?? name.replace(/(^|_)(.)/g, (_, gap, letter) => (gap && " ") + letter.toUpperCase())
}

function checked(code: number): number {
  if (Number.isInteger(code) && code >= 100 && code <= 999) return code
  throw new RangeError(`a status is a whole number from 100 to 999, got ${show(code)}`)
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : String(value)
}

/**
 * The number of a status that is given as a number (100 to 999, known or not) or by name.
 *
 * Throws a RangeError that names the value for anything else.
 *
 * @example
 * statusCode("not_found") //=> 404
 * statusCode("unprocessable_entity") //=> 422
 * statusCode(299) //=> 299
 */
export function statusCode(status: number | StatusName): number {
  if (typeof status === "number") return checked(status)
  const code = byName.get(status)
  if (code === undefined) throw new RangeError(`there is no status named ${show(status)}`)
  return code
}

/**
 * The reason phrase of a status; for a code that nobody registered, that of its class.
 *
 * Throws a RangeError outside 100 to 999.
 *
 * @example
 * reasonPhrase(422) //=> "Unprocessable Content"
 * reasonPhrase(299) //=> "Success"
 */
export function reasonPhrase(code: number): string {
  return phrases[code] ?? classes[Math.floor(checked(code) / 100) - 1] ?? "Unknown"
}

/**
 * The name of a status, undefined when nobody registered the code. Where a status has two names, the one of RFC 9110.
 *
 * @example
 * statusName(422) //=> "unprocessable_content"
 * statusName(299) //=> undefined
 */
export function statusName(code: number): StatusName | undefined {
  return names[code]
}

/**
 * Code and phrase as a status line has them, after the version. Throws a RangeError outside 100 to 999.
 *
 * @example
 * statusLine(200) //=> "200 OK"
 */
export function statusLine(code: number): string {
  return lines[code] ?? (lines[checked(code)] = `${code} ${reasonPhrase(code)}`)
}

/**
 * Whether an answer with this status may have a body: not with 1xx, 204 and 304 (RFC 9110 §6.4.1).
 *
 * @example
 * bodyAllowed(304) //=> false
 */
export function bodyAllowed(code: number): boolean {
  return code >= 200 && code !== 204 && code !== 304
}
