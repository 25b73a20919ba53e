/** The command line as a function: what was asked is found, run, and told; errors of the user's are told without a stack. */

import { parseArgs } from "node:util"
import { ManifestError } from "../http/manifest.ts"
import { type Command, CommandError, type Output } from "./command.ts"
import { digestCommand } from "./command-digest.ts"
import { digestCleanCommand } from "./command-digest-clean.ts"
import { genSecretCommand } from "./command-gen-secret.ts"
import { routesCommand } from "./command-routes.ts"
import { DigestError } from "./digest.ts"

const commands: Readonly<Record<string, Command>> = {
  routes: routesCommand,
  digest: digestCommand,
  "digest.clean": digestCleanCommand,
  "gen.secret": genSecretCommand,
}

const terminal: Output = {
  isTerminal: process.stdout.isTTY === true,
  write: (line) => void process.stdout.write(`${line}\n`),
  fail: (line) => void process.stderr.write(`${line}\n`),
}

/**
 * Runs a command line and gives its exit code: 0, 1 for what went wrong, 2 for what was asked wrongly.
 *
 * @example
 * const lines = []
 * await cli(["gen.secret", "32"], { isTerminal: false, write: (line) => lines.push(line), fail: () => undefined }) //=> 0
 * lines[0].length //=> 32
 */
export async function cli(args: readonly string[], output: Output = terminal): Promise<number> {
  const [name = "help", ...rest] = args
  if (["help", "--help", "-h"].includes(name)) {
    output.write(help())
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name]! : undefined
  if (command === undefined) {
    output.fail(`plumage: there is no command ${JSON.stringify(name)}\n\n${help()}`)
    return 2
  }
  try {
    const { values, positionals } = parsed(command, rest)
    if (values["help"] === true) output.write(`plumage ${command.usage}\n\n${command.about}`)
    else await command.run({ values, positionals }, output)
    return 0
  } catch (error) {
    const repairable = [CommandError, DigestError, ManifestError].some((kind) => error instanceof kind)
    if (!repairable) throw error
    output.fail(`plumage ${name}: ${(error as Error).message}`)
    return error instanceof CommandError ? error.exitCode : 1
  }
}

function parsed(command: Command, args: string[]): { values: Record<string, unknown>; positionals: string[] } {
  try {
    const options = { ...command.options, help: { type: "boolean", short: "h" } as const }
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (cause) {
    throw new CommandError(`${(cause as Error).message}\n\n  plumage ${command.usage}`, 2)
  }
}

function help(): string {
  const rows = Object.values(commands).map(({ usage, about }) => [usage, about.split("\n")[0]!] as const)
  const width = Math.max(...rows.map(([usage]) => usage.length))
  return `plumage COMMAND\n\n${rows.map(([usage, about]) => `  ${usage.padEnd(width)}  ${about}`).join("\n")}\n\n  --help after a command says more of it.`
}
