/** What all option checks share: an option that is not known is an error that says which are. */

import { InvalidOptionError } from "./errors.ts"

/** Raises `InvalidOptionError` unless `options` is an object that has no other names than these. */
export function checkOptionNames(where: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError(`${where} takes its options in an object, got ${String(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new InvalidOptionError(`${where} has no option ${name}; it takes ${names.join(", ")}`)
    }
  }
}

/** Raises `InvalidOptionError` unless `holds`. */
export function checkOption(where: string, name: string, holds: boolean, takes: string, got: unknown): void {
  if (holds) return
  const shown = typeof got === "function" ? "a function" : (JSON.stringify(got) ?? String(got))
  throw new InvalidOptionError(`${where}: ${name} takes ${takes}, got ${shown}`)
}
