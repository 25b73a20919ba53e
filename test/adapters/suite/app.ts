/**
 * The app that the suite runs on every server: a case writes its action beside its request, and asks for it by path.
 *
 * Where the path itself is the matter, the header `x-case` names the action instead.
 */
import {
  type Conn,
  type Done,
  defineEndpoint,
  defineRouter,
  type Endpoint,
  type Halted,
  type MaybePromise,
} from "plumage"

export type Action = (conn: Conn) => MaybePromise<Done>

const actions = new Map<string, Action>()

/** The path that runs `run`, whatever the method. */
export function action(run: Action): string {
  const path = `/case${actions.size}`
  actions.set(path, run)
  return path
}

/** The action of this path has run so many times. */
export function counted(run: Action): { path: string; readonly calls: number } {
  let calls = 0
  const path = action((conn) => {
    calls++
    return run(conn)
  })
  return {
    path,
    get calls() {
      return calls
    },
  }
}

/** What the endpoint was told of, since it was last emptied. */
export const errors: unknown[] = []

const halted = (done: Done): Halted => (done as unknown as Conn).halt()

/** Runs the action that `x-case` names, before any router looks at the path. */
function dispatch(conn: Conn): MaybePromise<Conn | Halted> {
  const run = actions.get(conn.getReqHeader("x-case") ?? "")
  if (!run) return conn
  const done = run(conn)
  return done instanceof Promise ? done.then(halted) : halted(done)
}

const router = defineRouter((r) => [
  r.any("/:name", (conn, { name }) => {
    const run = actions.get(`/${name}`)
    return run ? run(conn) : conn.sendResp(404, "no such case")
  }),
])

export const endpoint: Endpoint = defineEndpoint({ onError: (error) => errors.push(error) })
  .plug(dispatch)
  .router(router)
