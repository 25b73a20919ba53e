import fc from "fast-check"
import { InvalidOptionError } from "plumage"
import { describe, expect, test } from "vitest"
import {
  type EnvOptions,
  env,
  flag,
  integer,
  list,
  oneOf,
  optional,
  port,
  secret,
  text,
  url,
  type Variable,
  type Variables,
} from "../../src/endpoint/env.ts"
import { errorOf } from "../loose.ts"

/** What one variable makes of a text. */
const read = <T>(variable: Variable<T>, given: string): T => env({ X: variable }, { source: { X: given } }).X as T
const isTaken = (variable: Variable<unknown>, given: string) => {
  try {
    read(variable, given)
    return true
  } catch (error) {
    if (error instanceof InvalidOptionError) return false
    throw error
  }
}
/** The message about what is wrong, line by line. */
function wrong(variables: Variables, source: Record<string, string>, readFile?: (path: string) => string) {
  const error = errorOf(() => env(variables, readFile === undefined ? { source } : { source, readFile }))
  expect(error).toBeInstanceOf(InvalidOptionError)
  return error.message.split("\n")
}
/** What a message says of a text that X does not take. */
const said = (variable: Variable<unknown>, given: string) =>
  wrong({ X: variable }, { X: given })[1]!.split(";")[0]!.trim()

const long = "s".repeat(64)

describe("env", () => {
  test("gives the values, and no other", () => {
    const variables = {
      PORT: port(4000),
      SECRET_KEY_BASE: secret(),
      DATABASE_URL: url(),
      DEBUG: flag(false),
      MODE: oneOf(["dev", "prod"]),
      LIMIT: integer({ min: 1 }),
      NAME: text(),
      LIST: list(),
    }
    const source = {
      SECRET_KEY_BASE: long,
      DATABASE_URL: "postgres://u:p@db/app",
      MODE: "prod",
      LIMIT: "3",
      NAME: "n",
      LIST: "a,b",
      OTHER: "x",
    }
    expect(env(variables, { source })).toEqual({
      PORT: 4000,
      SECRET_KEY_BASE: long,
      DATABASE_URL: "postgres://u:p@db/app",
      DEBUG: false,
      MODE: "prod",
      LIMIT: 3,
      NAME: "n",
      LIST: ["a", "b"],
    })
  })

  test("reads process.env when it is called and nothing else is given", () => {
    process.env["PLUMAGE_ENV_TEST"] = "5"
    try {
      expect(env({ PLUMAGE_ENV_TEST: integer() })).toEqual({ PLUMAGE_ENV_TEST: 5 })
    } finally {
      delete process.env["PLUMAGE_ENV_TEST"]
    }
    expect(errorOf(() => env({ PLUMAGE_ENV_TEST: integer() })).message).toContain("PLUMAGE_ENV_TEST is missing")
  })

  test("names everything that is missing or wrong in one error: what was given, what is taken, an example", () => {
    const variables = {
      PORT: port(),
      KEY: secret({ minLength: 8 }),
      MODE: oneOf(["dev", "prod"]),
      FINE: text(),
      NAME: text(),
    }
    const lines = wrong(variables, { PORT: "http", KEY: "hunter2", MODE: "test", FINE: "x" })
    expect(lines).toEqual([
      "the environment has 4 variables missing or wrong:",
      '  PORT is "http"; it takes an integer from 0 to 65535, such as PORT=4000',
      `  KEY  is a secret of 7 characters; it takes a secret of at least 8 characters, such as KEY="$(openssl rand -base64 24 | tr -d '\\n')"`,
      '  MODE is "test"; it takes dev or prod, such as MODE=dev',
      "  NAME is missing; it takes a text, such as NAME=name",
    ])
    expect(wrong({ A: text() }, {})[0]).toBe("the environment has a variable missing or wrong:")
  })

  test("takes a blank variable for a missing one", () => {
    for (const blank of ["", " ", "\t\n"]) {
      expect(wrong({ X: text() }, { X: blank })[1]).toContain("X is missing")
      expect(env({ X: port(1) }, { source: { X: blank } })).toEqual({ X: 1 })
      expect(env({ X: optional(list()) }, { source: { X: blank } })).toEqual({ X: undefined })
    }
  })

  test("sees only what the source has itself", () => {
    expect(wrong({ constructor: text(), toString: text() }, {})).toHaveLength(3)
    const odd = env({ ["__proto__"]: text() }, { source: JSON.parse('{"__proto__":"x"}') })
    expect(Object.entries(odd)).toEqual([["__proto__", "x"]])
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype)
  })

  test("takes what is no text as process.env would", () => {
    const source = { A: 4000, B: null, C: false } as unknown as Record<string, string>
    expect(env({ A: port(), B: optional(text()), C: flag() }, { source })).toEqual({ A: 4000, B: undefined, C: false })
  })

  test("gives something that nobody can change", () => {
    expect(Object.isFrozen(env({ A: text() }, { source: { A: "a" } }))).toBe(true)
  })

  test("shows a long text cut, and on one line", () => {
    expect(said(integer(), "x".repeat(61))).toBe(`X is "${"x".repeat(60)}…"`)
    expect(said(integer(), "a\nb\u001b[31m")).toBe('X is "a\\nb\\u001b[31m"')
  })

  test("names exactly what is missing or wrong, whatever is given", () => {
    const variables = {
      PORT: port(),
      FLAG: flag(),
      MODE: oneOf(["a", "b"]),
      LIMIT: integer({ min: 1, max: 9 }),
      AT: url(),
      ALL: list(integer()),
      NAME: text(),
      KEY: secret({ minLength: 4 }),
    }
    const right: Record<keyof typeof variables, readonly string[]> = {
      PORT: ["0", "65535"],
      FLAG: ["on", "NO"],
      MODE: ["a", "b"],
      LIMIT: ["1", "9"],
      AT: ["http://a", "ws://b:1/c"],
      ALL: ["1", "2,-3"],
      NAME: ["x"],
      KEY: ["1234"],
    }
    const names = Object.keys(variables) as (keyof typeof variables)[]
    const bad = fc.constantFrom(undefined, "", " ", "§", "-1x")
    const entries = names.map((name) => {
      const good = fc.constantFrom(...right[name]).map((given) => ({ given, ok: true }))
      // Any text is a name.
      const given = name === "NAME" ? fc.constantFrom(undefined, "", "\n") : bad
      return fc.oneof(
        good,
        given.map((given) => ({ given, ok: false })),
      )
    })
    fc.assert(
      fc.property(fc.tuple(...entries), (chosen) => {
        const source = Object.fromEntries(names.map((name, at) => [name, chosen[at]!.given]))
        const expected = names.filter((_, at) => !chosen[at]!.ok)
        if (expected.length === 0) return expect(Object.keys(env(variables, { source }))).toEqual(names)
        const lines = wrong(variables, source as Record<string, string>).slice(1)
        expect(lines.map((line) => line.trim().split(" ")[0])).toEqual(expected)
      }),
    )
  })

  test("never shows a secret, nor what may be one in a URL", () => {
    const hidden = fc.stringMatching(/^[A-Z][A-Z0-9]{7,19}$/)
    fc.assert(
      fc.property(hidden, (word) => {
        const variables = {
          A: secret(),
          B: list(secret()),
          C: optional(secret()),
          D: url({ protocols: ["x"] }),
          E: url({ protocols: ["x"] }),
          F: url({ protocols: ["x"] }),
          G: url(),
          H: url(),
          I: list(url()),
        }
        const source = {
          A: word,
          B: `${word},${word}`,
          C: word,
          D: `postgres://u:${word}@h/db`,
          E: `https://hooks.example/${word}?token=${word}#${word}`,
          F: `postgres://u:a/${word}?@h/db`,
          G: `password=${word} host=h`,
          H: word,
          I: `http://ok.example,ftp:${word}`,
        }
        const message = wrong(variables, source).join("\n")
        expect(message.split("\n")).toHaveLength(10)
        expect(message).not.toContain(word)
      }),
    )
  })

  test("does not take what is no description, and names where", () => {
    const cases: [run: () => unknown, where: string][] = [
      [() => env({ A: Number as never }), "env: A"],
      [() => env(null as never), "env: variables"],
      [() => env({}, { sauce: {} } as EnvOptions), "sauce"],
      [() => env({}, { source: null as never }), "env: source"],
      [() => env({}, { readFile: "utf8" as never }), "env: readFile"],
      [() => port(65_536), "port: fallback"],
      [() => port("80" as never), "port: fallback"],
      [() => flag("no" as never), "flag: fallback"],
      [() => oneOf([]), "oneOf: words"],
      [() => oneOf([" a"]), "oneOf: words"],
      [() => oneOf("dev" as never), "oneOf: words"],
      [() => integer({ min: 1.5 }), "integer: min"],
      [() => integer({ min: 2, max: 1 }), "integer: max"],
      [() => integer({ minimum: 1 } as never), "minimum"],
      [() => secret({ minLength: 0 }), "secret: minLength"],
      [() => url({ protocols: ["https:"] }), "url: protocols"],
      [() => url({ protocols: [] }), "url: protocols"],
      [() => list("a" as never), "list: item"],
      [() => optional(undefined as never), "optional: variable"],
    ]
    for (const [run, where] of cases) {
      const error = errorOf(run)
      expect(error, where).toBeInstanceOf(InvalidOptionError)
      expect(error.message).toContain(where)
    }
  })
})

describe("a variable in a file", () => {
  const files: Record<string, string> = { "/run/base": `\n${long}\r\n`, "/run/port": "80\n", "/run/empty": " \n" }
  const readFile = (path: string) => {
    const content = files[path]
    if (content === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
    return content
  }

  test("is its content, without the white space around it", () => {
    const source = { KEY_FILE: "/run/base", PORT_FILE: "/run/port" }
    expect(env({ KEY: secret(), PORT: port(4000) }, { source, readFile })).toEqual({ KEY: long, PORT: 80 })
  })

  test("is missing when it is empty", () => {
    const source = { X_FILE: "/run/empty" }
    expect(env({ X: port(1) }, { source, readFile })).toEqual({ X: 1 })
    expect(wrong({ X: text() }, source, readFile)[1]).toBe(
      '  X is to be in the file "/run/empty" that X_FILE names, which is empty; it takes a text, such as X=name',
    )
  })

  test("that cannot be read, is no text, or holds something wrong is told with the others, and never what it holds", () => {
    const source = { A_FILE: "/none", B_FILE: "/run/port", C_FILE: "/run/base" }
    const lines = wrong({ A: text(), B: secret(), C: integer(), D: text() }, source, readFile)
    expect(lines.slice(1).map((line) => line.split("; it takes")[0]!.trim())).toEqual([
      `A is to be in the file "/none" that A_FILE names, which cannot be read (ENOENT: no such file, open '/none')`,
      'B is to be in the file "/run/port" that B_FILE names, which holds 2 characters of something else',
      'C is to be in the file "/run/base" that C_FILE names, which holds 64 characters of something else',
      "D is missing",
    ])
    const bytes = () => Buffer.from("x") as never
    expect(wrong({ A: text() }, { A_FILE: "/a" }, bytes)[1]).toContain("readFile gave no text")
    const odd = () => {
      throw "odd"
    }
    expect(wrong({ A: text() }, { A_FILE: "/a" }, odd)[1]).toContain("cannot be read (odd)")
  })

  test("and set itself is an error: one may be a mistake, and nobody knows which", () => {
    const source = { X: "1", X_FILE: "/run/port" }
    expect(wrong({ X: integer() }, source, readFile)[1]).toContain("X and X_FILE are both set")
    // Who reads no files may have such a variable for something else.
    expect(env({ X: integer() }, { source })).toEqual({ X: 1 })
    expect(env({ X: integer() }, { source: { X: " ", X_FILE: "/run/port" }, readFile })).toEqual({ X: 80 })
  })

  test("is told where no readFile was given, even of one that may be missing", () => {
    const source = { X_FILE: "/run/port" }
    expect(wrong({ X: integer() }, source)[1]).toContain('no readFile: (path) => readFileSync(path, "utf8")')
    expect(wrong({ X: port(4000) }, source)[1]).toContain('"/run/port"')
  })

  test("is not looked for where the name is asked for as a variable of its own", () => {
    const source = { LOG_FILE: "/var/log/app" }
    const config = env({ LOG: optional(text()), LOG_FILE: text() }, { source, readFile })
    expect(config).toEqual({ LOG: undefined, LOG_FILE: "/var/log/app" })
  })
})

describe("the kinds of variables", () => {
  test("integer takes decimal digits of every safe integer in its range, and no other text", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.maxSafeInteger(), (value, a, b) => {
        expect(read(integer(), ` ${value}\n`)).toBe(value)
        const [min, max] = [Math.min(a, b), Math.max(a, b)]
        expect(isTaken(integer({ min, max }), String(value))).toBe(value >= min && value <= max)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789-+.eExn_ ,") }), (given) => {
        const isInteger = /^-?[0-9]+$/.test(given.trim()) && Number.isSafeInteger(Number(given))
        expect(isTaken(integer(), given)).toBe(isInteger)
      }),
    )
    expect(Object.is(read(integer(), "-0"), 0)).toBe(true)
    for (const given of ["9007199254740993", "1e3", "0x10", "1.0", "+1", "٣", "NaN", "1_000"]) {
      expect(isTaken(integer(), given), given).toBe(false)
    }
  })

  test("integer says its range", () => {
    const ranges = [integer(), integer({ min: 1 }), integer({ max: 5 }), integer({ min: 20, max: 30 })]
    expect(ranges.map(({ takes, example }) => [takes, example])).toEqual([
      ["an integer", "10"],
      ["an integer from 1 on", "10"],
      ["an integer up to 5", "5"],
      ["an integer from 20 to 30", "20"],
    ])
  })

  test("port takes 0 to 65535", () => {
    expect(["0", "65535", "8080"].map((given) => read(port(), given))).toEqual([0, 65_535, 8080])
    for (const given of ["-1", "65536", "80/tcp", "http"]) expect(isTaken(port(4000), given), given).toBe(false)
  })

  test("flag takes eight words in any case; what is set wrong is no fallback", () => {
    const yes = ["true", "1", "yes", "on", "TRUE", " On "]
    const no = ["false", "0", "no", "off", "False", "NO\n"]
    expect(yes.map((given) => read(flag(), given))).toEqual(yes.map(() => true))
    expect(no.map((given) => read(flag(true), given))).toEqual(no.map(() => false))
    for (const given of ["y", "2", "enabled", "undefined"]) expect(isTaken(flag(false), given), given).toBe(false)
    expect(wrong({ X: flag() }, {})[1]).toContain("X is missing")
  })

  test("oneOf takes its words and no other, not even in another case", () => {
    expect(read(oneOf(["dev", "prod"]), " prod ")).toBe("prod")
    for (const given of ["Dev", "de", "dev,prod", "toString"])
      expect(isTaken(oneOf(["dev", "prod"]), given)).toBe(false)
    expect(oneOf(["a"]).takes).toBe("a")
    expect(oneOf(["a", "b", "c"]).takes).toBe("a, b or c")
    const words = ["a"]
    const variable = oneOf(words)
    words.push("b")
    expect(isTaken(variable, "b")).toBe(false)
  })

  test("url takes what the WHATWG's parser takes, with a host, and gives it as it was written", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (given) => {
        expect(read(url(), ` ${given} `)).toBe(given)
      }),
    )
    for (const given of ["postgres://u:p%40@h:5432/db?ssl=1", "redis://h", "HTTP://A", "amqp://[::1]:5672"]) {
      expect(read(url(), given)).toBe(given)
    }
    for (const given of [
      "h",
      "/a",
      "//h/a",
      "localhost:5432",
      "http://",
      "http:///",
      "http://a b/",
      "http://a/\u0007",
      "http://h:99999",
      "file:///a",
    ]) {
      expect(isTaken(url(), given), given).toBe(false)
    }
  })

  test("url with protocols takes no other", () => {
    const database = url({ protocols: ["postgres", "file"] })
    expect(["postgres://h/d", "POSTGRES://h", "file:dev.db"].map((given) => read(database, given))).toHaveLength(3)
    for (const given of ["mysql://h/d", "postgresql://h/d", "https://h"]) expect(isTaken(database, given)).toBe(false)
    expect(database.takes).toBe("a URL of postgres: or file:")
  })

  test("url shows protocol and host where no password can be among them", () => {
    expect(said(url({ protocols: ["x"] }), "https://a.example:1/b")).toBe('X is "https://a.example:1…"')
    expect(said(url({ protocols: ["x"] }), "https://a.example")).toBe('X is "https://a.example"')
    expect(said(url({ protocols: ["x"] }), "https://u:p@a.example")).toBe('X is "https://…"')
    expect(said(url(), "localhost:1")).toBe("X is a text of 11 characters that begins with no protocol")
  })

  test("secret is as long as is asked, and untouched", () => {
    expect(read(secret({ minLength: 4 }), " ab ")).toBe(" ab ")
    expect(isTaken(secret(), "s".repeat(63))).toBe(false)
    expect(isTaken(secret(), long)).toBe(true)
    expect(said(secret(), "s")).toBe("X is a secret of 1 character")
  })

  test("secret's example makes one that is long enough", () => {
    for (const minLength of [1, 32, 33, 64, 65, 100]) {
      const bytes = Number(/base64 (\d+)/.exec(secret({ minLength }).example)![1])
      expect(Buffer.alloc(bytes).toString("base64").length).toBeGreaterThanOrEqual(minLength)
    }
  })

  test("list gives back what was joined", () => {
    const item = fc.stringMatching(/^[^\s,]([^,]*[^\s,])?$/).filter((given) => given.trim() === given)
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), fc.constantFrom(",", ", ", " ,", ",,"), (items, comma) => {
        expect(read(list(), items.join(comma))).toEqual(items)
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (items) => {
        expect(read(list(integer()), items.join())).toEqual(items)
      }),
    )
  })

  test("list needs an item, and shows those that are wrong", () => {
    expect(said(list(), ", ,")).toBe('X is ", ,"')
    expect(said(list(integer()), "1,b,2,c")).toBe('X is "b", "c"')
    expect(said(list(secret({ minLength: 3 })), "abc,d")).toBe("X is a secret of 1 character")
    expect(env({ X: optional(list(), []) }, { source: {} })).toEqual({ X: [] })
  })

  test("optional gives nothing or the fallback where nothing is set, and takes nothing wrong", () => {
    expect(env({ X: optional(integer()) }, { source: {} })).toEqual({ X: undefined })
    expect(env({ X: optional(integer(), null) }, { source: {} })).toEqual({ X: null })
    expect(env({ X: optional(integer(), 5) }, { source: { X: "6" } })).toEqual({ X: 6 })
    expect(isTaken(optional(integer(), 5), "x")).toBe(false)
  })

  test("one of your own is an object or made by a class; it shows what it likes", () => {
    class Hex {
      takes = "hexadecimal digits"
      example = "ff"
      parse(given: string) {
        return /^[0-9a-f]+$/.test(given) ? Number.parseInt(given, 16) : undefined
      }
      show() {
        return "not told"
      }
    }
    expect(read(new Hex(), "ff")).toBe(255)
    expect(env({ X: optional(new Hex(), 1) }, { source: {} })).toEqual({ X: 1 })
    expect(said(optional(new Hex()), "xyz")).toBe("X is not told")
  })
})
