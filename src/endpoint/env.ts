/** The configuration that the environment gives, checked at start: everything that is missing or wrong is told at once. */

import { InvalidOptionError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"

/** How the text of a variable becomes a value; `port()`, `text()` and the others make them, and so may you. */
export interface Variable<out T> {
  /** What it takes, as the end of "it takes …". */
  readonly takes: string
  /** A value that it takes, for the message. */
  readonly example: string
  /** The value of a text that is not blank; undefined where it does not take this one. */
  parse(text: string): T | undefined
  /** What a message may say of a text that it does not take; the text itself, cut, when left out. */
  show?(text: string): string
  /** What it is when nothing is set; it must be set when left out. */
  readonly fallback?: { readonly value: T }
}

export type Variables = Readonly<Record<string, Variable<unknown>>>

/** The configuration that these variables give. */
export type Env<V extends Variables> = { readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never }

export interface EnvOptions {
  /** Where the variables are; `process.env`. */
  source?: Readonly<Record<string, string | undefined>>
  /** Reads the files that `NAME_FILE` names: `(path) => readFileSync(path, "utf8")`. */
  readFile?: (path: string) => string
}

/**
 * Reads typed configuration from the environment, once, at start.
 *
 * Raises one `InvalidOptionError` that lists every variable that is missing or wrong, with what was given, what is taken,
 * and an example. Of a secret it shows the length alone, of a URL neither credentials nor path. A blank variable counts
 * as missing; variables that were not asked for are ignored. The result is frozen.
 *
 * With `readFile`, each variable may instead be in a file that `NAME_FILE` names, as Docker and Kubernetes mount secrets:
 * its content is taken without the white space around it. Both at once is an error, and so is `NAME_FILE` alone without
 * `readFile`: a secret that is silently not read would be found too late. A name that ends in `_FILE` and is asked for
 * itself is a variable like any other.
 *
 * Files of variables (`.env`) are Node's to load: `node --env-file=.env main.ts`.
 *
 * @example
 * const source = { PORT: "8080", MODE: "prod", SECRET_KEY_BASE_FILE: "/run/secrets/base" }
 * const readFile = (path) => "s".repeat(64) + "\n"
 * const config = env(
 *   { PORT: port(4000), MODE: oneOf(["dev", "prod"]), SECRET_KEY_BASE: secret(), DEBUG: flag(false) },
 *   { source, readFile },
 * )
 * config.PORT //=> 8080
 * config.DEBUG //=> false
 * config.SECRET_KEY_BASE.length //=> 64
 * env({ PORT: port(), MODE: oneOf(["dev", "prod"]) }, { source: { PORT: "http" } }) //=> throws InvalidOptionError
 */
export function env<const V extends Variables>(variables: V, options: EnvOptions = {}): Env<V> {
  checkOptionNames("env", options, ["source", "readFile"])
  const { source = process.env, readFile } = options
  checkOption("env", "source", typeof source === "object" && source !== null, "an object of texts", source)
  const reads = readFile === undefined || typeof readFile === "function"
  checkOption("env", "readFile", reads, "a function from a path to its text", readFile)
  const valid = typeof variables === "object" && variables !== null
  checkOption("env", "variables", valid, "an object like { PORT: port(4000) }", variables)
  const values: [name: string, value: unknown][] = []
  const problems: [name: string, problem: string][] = []
  for (const [name, variable] of Object.entries(variables)) {
    checkOption("env", name, isVariable(variable), "what port(), text() and the others make", variable)
    try {
      const path = Object.hasOwn(variables, `${name}_FILE`) ? "" : textIn(source, `${name}_FILE`)
      values.push([name, resolve(name, variable, textIn(source, name), path, readFile)])
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      problems.push([name, `${problem.message}; it takes ${variable.takes}, such as ${name}=${variable.example}`])
    }
  }
  if (problems.length > 0) throw new InvalidOptionError(messageOf(problems))
  return Object.freeze(Object.fromEntries(values)) as Env<V>
}

/** What is wrong with one variable, as the end of a sentence that its name begins. Never leaves this file. */
class Problem extends Error {}

const isVariable = (given: unknown): boolean =>
  typeof given === "object" && given !== null && "parse" in given && typeof given.parse === "function"

function messageOf(problems: readonly [name: string, problem: string][]): string {
  const width = Math.max(...problems.map(([name]) => name.length))
  const lines = problems.map(([name, problem]) => `  ${name.padEnd(width)} ${problem}`)
  const count = problems.length === 1 ? "a variable" : `${problems.length} variables`
  return `the environment has ${count} missing or wrong:\n${lines.join("\n")}`
}

function resolve(
  name: string,
  variable: Variable<unknown>,
  text: string,
  path: string,
  readFile: EnvOptions["readFile"],
): unknown {
  if (path === "" || (text !== "" && readFile === undefined)) {
    if (text === "") return fallbackOf(variable, "is missing")
    return parse(variable, text, () => `is ${variable.show?.(text) ?? shown(text)}`)
  }
  if (text !== "") throw new Problem(`and ${name}_FILE are both set, and only one may be`)
  const named = `is to be in the file ${shown(path)} that ${name}_FILE names`
  if (readFile === undefined) {
    throw new Problem(`${named}, and env was given no readFile: (path) => readFileSync(path, "utf8")`)
  }
  const content = contentOf(path, named, readFile)
  if (content === "") return fallbackOf(variable, `${named}, which is empty`)
  // What is in files is secret as a rule, whatever it was taken for.
  return parse(variable, content, () => `${named}, which holds ${characters(content.length)} of something else`)
}

function fallbackOf({ fallback }: Variable<unknown>, problem: string): unknown {
  if (fallback === undefined) throw new Problem(problem)
  return fallback.value
}

function parse(variable: Variable<unknown>, text: string, problem: () => string): unknown {
  const value = variable.parse(text)
  if (value === undefined) throw new Problem(problem())
  return value
}

/** The text of a variable, "" where there is none. */
function textIn(source: object, name: string): string {
  const given: unknown = Object.hasOwn(source, name) ? source[name as keyof typeof source] : undefined
  // As process.env does with what is put into it.
  const text = given === undefined || given === null ? "" : String(given)
  return text.trim() === "" ? "" : text
}

function contentOf(path: string, named: string, readFile: (path: string) => string): string {
  let content: unknown
  try {
    content = readFile(path)
  } catch (error) {
    throw new Problem(`${named}, which cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
  if (typeof content !== "string") throw new Problem(`${named}, and readFile gave no text: does it name "utf8"?`)
  return content.trim()
}

/** A text as one line of a message, cut after 60 characters. */
const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

const characters = (count: number): string => (count === 1 ? "1 character" : `${count} characters`)

/**
 * A variable that need not be set: it is `undefined` then, or the fallback. What is set must still be right.
 *
 * @example
 * env({ NAME: optional(text()), LIMIT: optional(integer({ min: 1 }), 10) }, { source: {} }) //=> { NAME: undefined, LIMIT: 10 }
 */
export function optional<T>(variable: Variable<T>): Variable<T | undefined>
export function optional<T, const F>(variable: Variable<T>, fallback: F): Variable<T | F>
export function optional(variable: Variable<unknown>, fallback?: unknown): Variable<unknown> {
  checkOption("optional", "variable", isVariable(variable), "what port(), text() and the others make", variable)
  return withFallback(variable, fallback)
}

/** Keeps what a variable inherits: one may be made by a class. */
const withFallback = <T>(variable: Variable<T>, value: T): Variable<T> =>
  Object.assign(Object.create(variable), { fallback: { value } })

/**
 * Any text that is not blank, as it is.
 *
 * @example
 * env({ NAME: text() }, { source: { NAME: " a b" } }).NAME //=> " a b"
 */
export function text(): Variable<string> {
  return { takes: "a text", example: "name", parse: (text) => text }
}

/**
 * A text that no message shows, of at least `minLength` characters: 64, what `secretKeyBase` asks for.
 *
 * @example
 * env({ KEY: secret() }, { source: { KEY: "hunter2" } }) //=> throws InvalidOptionError
 */
export function secret(options: { minLength?: number } = {}): Variable<string> {
  checkOptionNames("secret", options, ["minLength"])
  const { minLength = 64 } = options
  checkOption("secret", "minLength", Number.isSafeInteger(minLength) && minLength > 0, "a length from 1 on", minLength)
  return {
    takes: `a secret of at least ${characters(minLength)}`,
    // Base64 makes four characters of three bytes.
    example: `"$(openssl rand -base64 ${Math.max(Math.ceil(minLength / 4) * 3, 24)} | tr -d '\\n')"`,
    parse: (text) => (text.length >= minLength ? text : undefined),
    show: (text) => `a secret of ${characters(text.length)}`,
  }
}

/**
 * A whole number, in decimal digits.
 *
 * @example
 * env({ LIMIT: integer({ min: 1 }) }, { source: { LIMIT: "25" } }).LIMIT //=> 25
 * env({ LIMIT: integer({ min: 1 }) }, { source: { LIMIT: "1e3" } }) //=> throws InvalidOptionError
 */
export function integer(options: { min?: number; max?: number } = {}): Variable<number> {
  checkOptionNames("integer", options, ["min", "max"])
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options
  checkOption("integer", "min", Number.isSafeInteger(min), "a safe integer", min)
  checkOption("integer", "max", Number.isSafeInteger(max) && max >= min, "a safe integer, at least min", max)
  const from = options.min === undefined ? "" : ` from ${min}`
  const to = options.max === undefined ? from && " on" : from === "" ? ` up to ${max}` : ` to ${max}`
  return {
    takes: `an integer${from}${to}`,
    example: String(Math.min(Math.max(10, min), max)),
    parse(text) {
      // Without the sum a "-0" would stay one.
      const value = /^-?\d+$/.test(text.trim()) ? Number(text) + 0 : Number.NaN
      return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined
    },
  }
}

/**
 * The number of a port; 0 lets the system choose.
 *
 * @example
 * env({ PORT: port(4000) }, { source: {} }).PORT //=> 4000
 */
export function port(fallback?: number): Variable<number> {
  const valid = fallback === undefined || (Number.isInteger(fallback) && fallback >= 0 && fallback <= 65_535)
  checkOption("port", "fallback", valid, "an integer from 0 to 65535", fallback)
  const variable = { ...integer({ min: 0, max: 65_535 }), example: String(fallback ?? 4000) }
  return fallback === undefined ? variable : withFallback(variable, fallback)
}

const flags: ReadonlyMap<string, boolean> = new Map([
  ...["true", "1", "yes", "on"].map((word) => [word, true] as const),
  ...["false", "0", "no", "off"].map((word) => [word, false] as const),
])

/**
 * Yes or no: `true`, `1`, `yes`, `on`, or `false`, `0`, `no`, `off`, in any case.
 *
 * @example
 * env({ DEBUG: flag(false) }, { source: { DEBUG: "Yes" } }).DEBUG //=> true
 */
export function flag(fallback?: boolean): Variable<boolean> {
  const valid = fallback === undefined || typeof fallback === "boolean"
  checkOption("flag", "fallback", valid, "true or false", fallback)
  const takes = "true, 1, yes or on, or false, 0, no or off"
  const parse = (text: string): boolean | undefined => flags.get(text.trim().toLowerCase())
  const variable = { takes, example: "true", parse }
  return fallback === undefined ? variable : withFallback(variable, fallback)
}

/**
 * One of these words.
 *
 * @example
 * env({ MODE: oneOf(["dev", "prod"]) }, { source: { MODE: "prod" } }).MODE //=> "prod"
 */
export function oneOf<const W extends string>(words: readonly W[]): Variable<W> {
  const isWord = (word: unknown): boolean => typeof word === "string" && word !== "" && word.trim() === word
  const valid = Array.isArray(words) && words.length > 0 && words.every(isWord)
  checkOption("oneOf", "words", valid, "a list of words without white space around them", words)
  const all = [...words]
  const [first] = all as [W]
  const takes = all.length === 1 ? first : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`
  return { takes, example: first, parse: (text) => all.find((word) => word === text.trim()) }
}

/**
 * An absolute URL, as it was written. With `protocols` it must have one of them (`["postgres"]`, without colon), and need
 * not have an authority (`file:a.db`); without, it must have one, so that `localhost:5432` is not taken for a URL.
 *
 * @example
 * env({ AT: url() }, { source: { AT: "https://a.example/b" } }).AT //=> "https://a.example/b"
 * env({ AT: url({ protocols: ["redis", "rediss"] }) }, { source: { AT: "https://a.example/b" } }) //=> throws InvalidOptionError
 */
export function url(options: { protocols?: readonly string[] } = {}): Variable<string> {
  checkOptionNames("url", options, ["protocols"])
  const { protocols } = options
  const isProtocol = (name: unknown): boolean => typeof name === "string" && /^[a-z][a-z\d+.-]*$/.test(name)
  const valid =
    protocols === undefined || (Array.isArray(protocols) && protocols.length > 0 && protocols.every(isProtocol))
  checkOption("url", "protocols", valid, "a list of names in lower case, without a colon", protocols)
  const taken = protocols && [...protocols]
  return {
    takes: taken === undefined ? "a URL with a host" : `a URL of ${taken.map((name) => `${name}:`).join(" or ")}`,
    example: `${taken?.[0] ?? "https"}://host.example/path`,
    parse(given) {
      const text = given.trim()
      const [, protocol, slashes] = /^([a-z][a-z\d+.-]*):(\/\/[^/])?/i.exec(text) ?? []
      if (protocol === undefined || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return undefined
      const holds = taken === undefined ? slashes !== undefined : taken.includes(protocol.toLowerCase())
      return holds ? text : undefined
    },
    show: shownUrl,
  }
}

/** Protocol and host; what may be a password, or a token in the path, is left out. */
function shownUrl(text: string): string {
  const [authority, protocol] = /^\s*([a-z][a-z\d+.-]*:\/\/)[^/?#\s]*/i.exec(text) ?? []
  // Without a protocol it may be anything, such as `password=… host=…`.
  if (authority === undefined) return `a text of ${characters(text.length)} that begins with no protocol`
  // A password may hold any character that should be escaped, so that an @ anywhere may end one.
  const safe = text.includes("@") ? protocol! : authority
  return shown(safe.length < text.length ? `${safe}…` : safe)
}

/**
 * Texts with commas between them, without the white space around each and without empty ones; at least one. Given a
 * variable, each is one of those: `list(integer())`.
 *
 * @example
 * env({ HOSTS: list() }, { source: { HOSTS: "a.example, b.example," } }).HOSTS //=> ["a.example", "b.example"]
 * env({ SIZES: list(integer()) }, { source: { SIZES: "1,2" } }).SIZES //=> [1, 2]
 */
export function list(): Variable<readonly string[]>
export function list<T>(item: Variable<T>): Variable<readonly T[]>
export function list(item: Variable<unknown> = text()): Variable<readonly unknown[]> {
  checkOption("list", "item", isVariable(item), "what port(), text() and the others make", item)
  const split = (given: string): string[] => given.split(",").flatMap((part) => part.trim() || [])
  return {
    takes: `a list with commas, each item ${item.takes}`,
    example: `${item.example},${item.example}`,
    parse(given) {
      const values = split(given).map((part) => item.parse(part))
      return values.length > 0 && !values.includes(undefined) ? values : undefined
    },
    show(given) {
      const wrong = split(given).filter((part) => item.parse(part) === undefined)
      return wrong.length === 0 ? shown(given) : wrong.map((part) => item.show?.(part) ?? shown(part)).join(", ")
    },
  }
}
