/** The events that Plumage measures by itself. */
import { tracingChannel } from "node:diagnostics_channel"
import {
  type AnyConn,
  type Conn,
  defineController,
  defineEndpoint,
  defineRouter,
  defineView,
  type Instrumenter,
  pipeline,
} from "plumage"
import { client } from "plumage/test"
import { expect, test } from "vitest"

const told: unknown[] = []
const instrumenter: Instrumenter = {
  phoenix_controller_call(phase: "start" | "stop", ...[time, runtime]: any[]) {
    if (phase === "start") {
      const { conn } = runtime as { conn: AnyConn }
      told.push(["call", conn.route?.path, Object.keys(conn.assigns)])
      return "began"
    }
    told.push(["called", Number.isInteger(time) && time > 0, runtime])
  },
  phoenix_controller_render(phase: "start" | "stop", ...[, runtime]: any[]) {
    told.push(phase === "start" ? ["render", runtime.template, runtime.format] : ["rendered"])
  },
}
const view = defineView({ txt: { show: ({ name }: { name: string }) => `hello, ${name}` } })
const users = defineController()
  .plug((conn) => conn.assign("own", true))
  .actions({ show: async (conn, { name }: { name: string }) => view.render(conn, "show", { name }) })
const plain = (conn: Conn) => conn.text("plain")
const inside = defineRouter((r) => [r.get("/plain", plain)])
const halting = pipeline().plug((conn) => conn.sendResp(401).halt())
const router = defineRouter((r) => [
  r.scope(
    "/",
    (conn) => conn.assign("piped", 1),
    (r) => [r.get("/users/:name", users.show)],
  ),
  r.forward("/inside", inside),
  r.scope("/closed", halting, (r) => [r.get("/", plain)]),
])
const ask = async (path: string, instrumenters?: readonly Instrumenter[]) => {
  told.length = 0
  const endpoint = instrumenters === undefined ? defineEndpoint() : defineEndpoint({ instrumenters })
  return (await client(endpoint.router(router)).get(path)).text()
}

test("a controller's call is its own plugs, the action and what it renders, behind the pipelines of its route", async () => {
  expect(await ask("/users/ada", [instrumenter])).toBe("hello, ada")
  expect(told).toEqual([
    ["call", "/users/:name", ["piped"]],
    ["render", "show.txt", "txt"],
    ["rendered"],
    ["called", true, "began"],
  ])
})

test("an action that is a function is a controller too, measured once below a forward, and not where a pipeline halts", async () => {
  expect(await ask("/inside/plain", [instrumenter])).toBe("plain")
  expect(told).toEqual([
    ["call", "/inside/plain", []],
    ["called", true, "began"],
  ])
  await ask("/closed", [instrumenter])
  expect(told).toEqual([])
})

test("without an instrumenter each event is a tracing channel", async () => {
  const channel = tracingChannel<object, { runtime?: { conn?: AnyConn } }>("plumage:phoenix_controller_call")
  const seen: string[] = []
  const subscriber = {
    start: () => void seen.push("start"),
    end: () => void seen.push("end"),
    asyncStart: () => void seen.push("asyncStart"),
    asyncEnd: () => void seen.push("asyncEnd"),
    error: () => void seen.push("error"),
  }
  channel.subscribe(subscriber)
  try {
    expect(await ask("/users/ada")).toBe("hello, ada")
    expect(seen).toEqual(["start", "end", "asyncStart", "asyncEnd"])
  } finally {
    channel.unsubscribe(subscriber)
  }
  await ask("/users/ada")
  expect(seen).toHaveLength(4)
})
