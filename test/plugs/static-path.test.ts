import { realpath } from "node:fs/promises"
import { join, resolve } from "node:path"
import { ServiceUnavailableError } from "plumage"
import { beforeEach, describe, expect, test, vi } from "vitest"
import { absent, canNameFile, fileBelow } from "../../src/plugs/static-path.ts"
import { errorOf } from "../loose.ts"

vi.mock("node:fs/promises", async (original) => ({
  ...(await original<typeof import("node:fs/promises")>()),
  realpath: vi.fn(),
}))

const files = resolve("/srv/files")

/** A file system that ignores case and knows short names, as those of Windows and macOS do. */
beforeEach(() => {
  vi.mocked(realpath as (path: string) => Promise<string>)
    .mockReset()
    .mockImplementation(async (path) => path.toLowerCase().replace("admini~1", "administration"))
})

describe("fileBelow, where the file system finds a file by other names", () => {
  test("gives a file by its own name alone", async () => {
    expect(await fileBelow(files, ["admin", "x.css"], ".br", false)).toBe(join(files, "admin", "x.css.br"))
    for (const segments of [
      ["ADMIN", "x.css"],
      ["admin", "X.css"],
      ["admini~1", "x.css"],
    ]) {
      expect(await fileBelow(files, segments, "", false), segments.join("/")).toBeUndefined()
    }
  })

  test("asks for no real path where all links are followed", async () => {
    expect(await fileBelow(files, ["ADMIN"], "", true)).toBe(join(files, "ADMIN"))
    expect(realpath).not.toHaveBeenCalled()
  })

  test("a folder is looked up once, as long as files are found in it", async () => {
    const own = resolve("/srv/own")
    for (const name of ["a", "b", "c"]) await fileBelow(own, [name], "", false)
    expect(vi.mocked(realpath).mock.calls.filter(([path]) => path === own)).toHaveLength(1)
  })

  test("a file at the root of the system is below it", async () => {
    expect(await fileBelow(resolve("/"), ["a"], "", "inside")).toBe(resolve("/a"))
  })
})

test("absent knows the errors that say that there is no file, all others are a 503", async () => {
  for (const code of ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES", "EPERM"]) {
    vi.mocked(realpath).mockRejectedValueOnce(Object.assign(new Error(code), { code }))
    expect(await fileBelow(files, ["a"], "", false), code).toBeUndefined()
  }
  for (const cause of [Object.assign(new Error("EIO"), { code: "EIO" }), new TypeError("x")]) {
    const error = errorOf(() => absent(cause))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ cause })
  }
})

test("canNameFile raises whatever else it has seen before", () => {
  for (const segments of [
    [".git", ".."],
    ["a.", "b:c"],
  ]) {
    expect(errorOf(() => canNameFile(segments, "deny")).name).toBe("InvalidPathError")
  }
  expect(canNameFile(["..."], "allow")).toBe(false)
  expect(canNameFile([".hidden"], [".hidden"])).toBe(true)
  expect(canNameFile([".hidden", ".other"], [".hidden"])).toBe(false)
  expect(canNameFile([], "deny")).toBe(true)
})
