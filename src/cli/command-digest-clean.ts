/** `plumage digest.clean`: old fingerprinted assets go. */

import { type Command, wholeNumber } from "./command.ts"
import { cleanDigest } from "./digest.ts"

export const digestCleanCommand: Command = {
  usage: "digest.clean [FROM] [--age SECONDS] [--keep NUMBER] [--all]",
  about: `Removes versions of assets that are not the latest, and old (3600 s) or more than are to be kept (2).

  --all   removes every copy that the manifest names, and the manifest`,
  options: { age: { type: "string" }, keep: { type: "string" }, all: { type: "boolean" } },
  async run({ values, positionals: [from = "priv/static"] }, output) {
    const report = await cleanDigest({
      from,
      age: wholeNumber("--age", values["age"], 0, 1e12, 3_600),
      keep: wholeNumber("--keep", values["keep"], 0, 1e6, 2),
      all: values["all"] === true,
    })
    for (const path of report.removed) output.write(`removed ${path}`)
    output.write(`${report.removed.length} files removed`)
  },
}
