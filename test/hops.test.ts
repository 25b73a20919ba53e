/** The path of a request is as short as `src/conn/README.md` says, and leads through the functions that it names. */
import { type Adapter, type Conn, defineEndpoint, defineRouter, pipeline, serve } from "plumage"
import { elli } from "plumage/adapters/elli"
import { node } from "plumage/adapters/node"
import { uws } from "plumage/adapters/uws"
import { callEndpoint, conn } from "plumage/test"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { read, root } from "./architecture.ts"
import { canLoadUws } from "./tools/adapters.ts"

/** One frame of ours: the function and the file it is in. */
type Hop = string

/** The frames of a stack that are in src or adapters, outermost first. */
function hopsOf(error: unknown): Hop[] {
  const hops: Hop[] = []
  for (const line of (error as Error).stack!.split("\n")) {
    const [, name = "<anonymous>", place] =
      /^\s+at (?:async )?(?:(.+?) \()?(?:file:\/\/)?([^()]+?):\d+:\d+\)?$/.exec(line) ?? []
    const file = place?.startsWith(root) ? place.slice(root.length) : undefined
    // What a function is called on says nothing where that is a module or a plain object.
    if (file !== undefined && /^(?:src|adapters)\//.test(file))
      hops.unshift(`${name.replace(/^(?:Module|Object)\./, "")} in ${file}`)
  }
  return hops
}

const readme = read("src/conn/README.md")
/** The items of the numbered list below a line of the README, in order. */
function listBelow(line: string): string[] {
  const from = readme.indexOf(line)
  expect(from, `src/conn/README.md has no line "${line}"`).toBeGreaterThan(0)
  const items = readme.slice(from + line.length).split(/\n(?=\S)(?!\d+\. )/)[0]!
  return [...items.matchAll(/^\d+\. ((?:.|\n(?= ))+)/gm)].map(([, item]) => item!)
}
/** The hops that a text names: `name` in `file`, or several names in one file. */
const named = (text: string): Hop[] => {
  const [, names = "", file] = /^((?:`[^`]+`(?:, |, then | and )?)+) in `([^`]+)`/.exec(text) ?? []
  return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} in ${file}`)
}
/** The hops of a server before the endpoint, from the README's table. */
const rowOf = (server: string): Hop[] => {
  const [, cell = ""] = new RegExp(`^\\| ${server} +\\| (.+?) *\\|`, "m").exec(readme) ?? []
  return named(cell)
}

const hopsIn = listBelow("In, at most six hops:")
const hopsOut = listBelow("Out, at most three:")

let failure: unknown
let sent: unknown
const same = (conn: Conn) => conn.assign("seen", true)
const row = pipeline().plug(same).plug(pipeline().plug(same))
const router = defineRouter((r) => [
  r.scope("/in", row, (r) => [
    r.scope("/deeper", row, (r) => [
      r.get("/:id", () => {
        throw new Error("here")
      }),
    ]),
  ]),
  r.scope("/out", row, (r) => [
    r.get("/:id", (conn) => {
      const { exchange } = conn
      const { sendResp } = exchange
      exchange.sendResp = (...answer) => {
        sent = new Error("there")
        sendResp.apply(exchange, answer)
      }
      return conn.sendResp(200, "x")
    }),
  ]),
])
const endpoint = defineEndpoint({
  onError: (error) => {
    failure = error
  },
})
  .plug(row)
  .router(router)

const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 50
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
})

describe("the lists in src/conn/README.md", () => {
  test("have six hops in, the last of them the action, and three out", () => {
    expect([hopsIn.length, hopsOut.length]).toEqual([6, 3])
    expect(hopsIn.at(-1)).toMatch(/^the action/)
    for (const item of hopsIn.slice(1, -1)) expect(named(item), item).toHaveLength(1)
    for (const item of hopsOut.slice(0, -1)) expect(named(item), item).toHaveLength(1)
  })
})

/** What lies between the server and the action, and between the action and the server. */
const between = hopsIn.slice(1, -1).flatMap(named)
const back = hopsOut.slice(0, -1).flatMap(named)

function check(server: string): void {
  const before = rowOf(server)
  expect(before.length, `src/conn/README.md tells the hops of ${server}`).toBeGreaterThan(0)
  expect(before.length, "hops of a server's own").toBeLessThanOrEqual(3)
  expect(hopsOf(failure)).toEqual([...before, ...between])
  expect(hopsOf(sent)).toEqual([...before, ...between, ...back])
}

describe("the path of a request", () => {
  test("in memory", async () => {
    await callEndpoint(endpoint, conn("GET", "/in/deeper/7"))
    await callEndpoint(endpoint, conn("GET", "/out/7"))
    check("memory")
  })

  test("is as short for the tenth plug as for the first", async () => {
    await callEndpoint(endpoint, conn("GET", "/in/deeper/7"))
    const long = defineEndpoint({
      onError: (error) => {
        failure = error
      },
    })
    let longer = long.plug(same)
    for (let n = 0; n < 10; n++) longer = longer.plug(pipeline().plug(row)) as unknown as typeof longer
    const short = hopsOf(failure)
    await callEndpoint(longer.router(router), conn("GET", "/in/deeper/7"))
    expect(hopsOf(failure)).toEqual(short)
  })

  const servers: Record<string, () => Adapter> = {
    node: () => node({ port: 0, host: "127.0.0.1" }),
    elli: () => elli({ port: 0, host: "127.0.0.1" }),
    uws: () => uws({ port: 0, host: "127.0.0.1" }),
  }
  test.each(Object.entries(servers))("on %s", async (name, make) => {
    if (name === "uws" && !(await canLoadUws())) return
    const server = await serve(endpoint, make())
    try {
      const ask = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`).then((answer) => answer.text())
      await ask("/in/deeper/7")
      expect(await ask("/out/7")).toBe("x")
      check(name)
    } finally {
      await server.stop({ graceMs: 200 })
    }
  })
})
