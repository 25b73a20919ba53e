/** What the types of env hold. Every line below a ts-expect-error must not compile. */
import {
  type Env,
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
} from "../../src/endpoint/env.ts"
import { type Equal, is } from "./is.ts"

const config = env({
  PORT: port(4000),
  SECRET_KEY_BASE: secret(),
  DATABASE_URL: url({ protocols: ["postgres"] }),
  DEBUG: flag(false),
  MODE: oneOf(["dev", "prod"]),
  LIMIT: integer({ min: 1 }),
  NAME: text(),
  LIST: list(),
  SIZES: list(integer()),
  MODES: list(oneOf(["a", "b"])),
})
is<
  Equal<
    typeof config,
    {
      readonly PORT: number
      readonly SECRET_KEY_BASE: string
      readonly DATABASE_URL: string
      readonly DEBUG: boolean
      readonly MODE: "dev" | "prod"
      readonly LIMIT: number
      readonly NAME: string
      readonly LIST: readonly string[]
      readonly SIZES: readonly number[]
      readonly MODES: readonly ("a" | "b")[]
    }
  >
>()
// @ts-expect-error nobody asked for it
config.HOST
// @ts-expect-error it is read once, and frozen
config.PORT = 1
// @ts-expect-error there is no such mode
config.MODE === "test"

// What may be missing is in the type, and a fallback is not.
const loose = env({
  A: optional(text()),
  B: optional(integer(), 5),
  C: optional(oneOf(["dev", "prod"]), "dev"),
  D: optional(secret(), null),
  E: optional(list(), []),
})
is<Equal<typeof loose.A, string | undefined>>()
is<Equal<typeof loose.B, number>>()
is<Equal<typeof loose.C, "dev" | "prod">>()
is<Equal<typeof loose.D, string | null>>()
loose.E.map((name) => name.length)
// @ts-expect-error it may be missing
loose.A.length

// The variables may be written apart, and one's own are among them.
const hex: Variable<bigint> = { takes: "digits", example: "ff", parse: (given) => BigInt(`0x${given}`) }
const variables = { HEX: hex, PORT: port() }
is<Equal<Env<typeof variables>, { readonly HEX: bigint; readonly PORT: number }>>()

// @ts-expect-error a number is no variable
env({ PORT: 4000 })
// @ts-expect-error the fallback is a number
port("4000")
// @ts-expect-error a secret has no fallback in the program
secret("hunter2")
// @ts-expect-error there is no such option
integer({ minimum: 1 })
// @ts-expect-error reading is sync: it is done before anything starts
env({ NAME: text() }, { readFile: async (path) => path })
