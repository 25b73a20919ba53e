/** `plumage digest`: fingerprinted assets. */

import { type Command, CommandError } from "./command.ts"
import { digest } from "./digest.ts"

const folder = "priv/static"

export const digestCommand: Command = {
  usage: "digest [FROM] [--to FOLDER] [--no-vsn]",
  about: `Gives each asset of a folder (${folder}) a copy whose name changes with its content, and a manifest.

  --to FOLDER   where to write; the folder itself
  --no-vsn      references in style sheets get no ?vsn=d`,
  options: { to: { type: "string", short: "o" }, "no-vsn": { type: "boolean" } },
  async run({ values, positionals }, output) {
    const [from = folder] = positionals
    const { to } = values
    if (to === "") throw new CommandError("--to takes a folder", 2)
    const report = await digest({
      from,
      ...(typeof to === "string" ? { to } : {}),
      vsn: values["no-vsn"] !== true,
      onFile: ({ path, digested, written }) => written.length > 0 && output.write(`${path} -> ${digested}`),
    })
    const changed = report.files.filter(({ written }) => written.length > 0).length
    output.write(`${report.files.length} files, ${changed} of them new or changed`)
    for (const { path, reason } of report.skipped) output.fail(`left out: ${path}, ${reason}`)
  },
}
