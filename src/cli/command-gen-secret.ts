/** `plumage gen.secret`: a secret for `secretKeyBase`. */

import { randomBytes } from "node:crypto"
import { type Command, wholeNumber } from "./command.ts"

export const genSecretCommand: Command = {
  usage: "gen.secret [LENGTH]",
  about: "Prints a random secret of LENGTH characters (64), fit for secretKeyBase.",
  options: {},
  run({ positionals }, output) {
    const length = wholeNumber("LENGTH", positionals[0], 32, 1_024, 64)
    output.write(randomBytes(length).toString("base64url").slice(0, length))
  },
}
