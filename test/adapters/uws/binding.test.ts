import { describe, expect, test } from "vitest"
import { loadBinding } from "../../../adapters/uws/binding.ts"
import { MissingCapabilityError } from "../../../src/conn/adapter.ts"

const missing = (message: string, code = "ERR_MODULE_NOT_FOUND") => Object.assign(new Error(message), { code })

describe("the library", () => {
  test("that is not installed: the error says what to type, and why npm has nothing", async () => {
    const load = () => Promise.reject(missing("Cannot find package 'uWebSockets.js' imported from /app/server.js"))
    const error = await loadBinding(load).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(MissingCapabilityError)
    expect((error as Error).message).toMatch(/npm install uNetworking\/uWebSockets\.js#v20\.\d+\.0$/)
  })

  const broken: [what: string, error: Error][] = [
    [
      "has no binary for this Node",
      new Error(
        "This version of uWS.js supports only Node.js versions 16 …\n\nError: Cannot find module './uws_linux_x64_999.node'",
      ),
    ],
    ["has one that wants a newer glibc", new Error("uws\n\nError: /lib/libm.so.6: version `GLIBC_2.38' not found")],
    ["misses a file of its own", missing("Cannot find module './uws.js'", "MODULE_NOT_FOUND")],
  ]
  test.each(broken)("that %s: the error says so and keeps the cause", async (_, cause) => {
    const error = (await loadBinding(() => Promise.reject(cause)).catch((error: unknown) => error)) as Error
    expect(error).toBeInstanceOf(MissingCapabilityError)
    expect(error.message).toContain("does not load")
    expect(error.message).toContain(cause.message.split("\n").at(-1))
    expect(error.message).not.toContain("not installed")
    expect(error.cause).toBe(cause)
  })

  test("of CommonJS is its default export", async () => {
    const binding = { App: () => {} }
    expect(await loadBinding(() => Promise.resolve({ default: binding }))).toBe(binding)
  })
})
