/** Controllers: actions with plugs of their own, guarded by action, and one place for what actions give instead of an answer. */

import type { MaybePromise } from "../conn/adapter.ts"
import type { Connection } from "../conn/conn.ts"
import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Assigns, Conn, Done, Halted } from "../conn/states.ts"
import { flat } from "../plug/pipeline.ts"
import type { Flat } from "../plug/plug.ts"
import { type AnyAction, type AnyPlug, run } from "../plug/run.ts"

/** An action of a controller: its plugs have run, and what it gives beside answers goes to the fallback. */
type Action<Base extends Assigns, Guarded, Name, Problem> = (
  conn: Conn<Flat<Base & (Name extends keyof Guarded ? Guarded[Name] : {})>>,
  params: never,
) => MaybePromise<Done | Problem>

type ParamsOf<F> = F extends (conn: never, params: infer P) => unknown ? (unknown extends P ? {} : P) : {}

/** The actions of a controller as routes take them: `r.get("/posts/:id", posts.show)`, `r.resources("/posts", posts)`. */
export type Controller<In extends Assigns, A> = {
  readonly [Name in keyof A]: (conn: Conn<In>, params: ParamsOf<A[Name]>) => MaybePromise<Done>
}

/**
 * What a controller is built with. `In` is what its routes' pipelines must have assigned, `Base` what all its actions find,
 * `Guarded` what single ones find, `Problem` what actions may give to the fallback.
 */
export interface ControllerBuilder<In extends Assigns, Base extends Assigns, Guarded, Problem> {
  /** Appends a plug that runs before every action. */
  plug<O extends Assigns>(
    plug: (conn: Conn<Base>) => MaybePromise<Conn<O> | Halted>,
  ): ControllerBuilder<In, Flat<Base & O>, Guarded, Problem>
  /** Appends a plug that runs before the actions named; what it assigns is theirs alone. */
  plug<O extends Assigns, const Name extends string>(
    plug: (conn: Conn<Base>) => MaybePromise<Conn<O> | Halted>,
    guard: { only: readonly Name[] },
  ): ControllerBuilder<In, Base, Flat<Guarded & { [N in Name]: N extends keyof Guarded ? Guarded[N] & O : O }>, Problem>
  /** Appends a plug that runs before all actions but those named. What it assigns is not in their types. */
  plug(
    plug: (conn: Conn<Base>) => MaybePromise<Conn<any> | Halted>,
    guard: { except: readonly string[] },
  ): ControllerBuilder<In, Base, Guarded, Problem>
  /**
   * Answers what an action gave instead of an answer: `{ ok: false, error }`, an `Error`, "not_found". The connection is as
   * the action left it. A controller has one.
   */
  fallback<P>(answer: (conn: Conn<Base>, problem: P) => MaybePromise<Done>): ControllerBuilder<In, Base, Guarded, P>
  /** Ends the row with the actions, each a function of the connection and the path's parameters. */
  actions<A extends { [Name in keyof A]: Action<Base, Guarded, Name, Problem> }>(actions: A): Controller<In, A>
}

interface Guarded {
  readonly plugs: readonly AnyPlug[]
  readonly only: readonly string[] | undefined
  readonly except: readonly string[] | undefined
}

/**
 * Begins a controller: `defineController().plug(…).fallback(…).actions({ index, show })`. `In` names the assigns that it
 * needs from the pipelines of its routes.
 *
 * Raises `UsageError` for a guard that names no action, and for a second fallback.
 *
 * @example
 * const posts = defineController().actions({ show: (conn, { id }) => conn.text(id) })
 * sentResp(await call(defineRouter((r) => [r.get("/:id", posts.show)]), conn("GET", "/7"))).body //=> "7"
 */
export function defineController<In extends Assigns = {}>(): ControllerBuilder<In, In, {}, never> {
  return builder([], undefined) as ControllerBuilder<In, In, {}, never>
}

function builder(row: readonly Guarded[], fallback: AnyAction | undefined): ControllerBuilder<any, any, any, any> {
  return {
    plug: (plug: AnyPlug, guard: { only?: readonly string[]; except?: readonly string[] } = {}) => {
      checkOptionNames("defineController: plug", guard, ["only", "except"])
      const { only, except } = guard
      for (const [name, list] of Object.entries({ only, except })) {
        checkOption(
          "defineController: plug",
          name,
          list === undefined || Array.isArray(list),
          "a list of actions",
          list,
        )
      }
      return builder([...row, { plugs: flat(plug), only, except }], fallback)
    },
    fallback: (answer: AnyAction) => {
      if (typeof answer !== "function") throw new UsageError(`a fallback is a function, got ${typeof answer}`)
      if (fallback !== undefined) throw new UsageError("a controller has one fallback; this one has two")
      return builder(row, answer)
    },
    actions: (actions: Record<string, AnyAction>) => {
      const names = Object.keys(actions)
      checkGuards(row, names)
      return Object.freeze(
        Object.fromEntries(names.map((name) => [name, handler(name, actions[name]!, row, fallback)])),
      )
    },
  } as unknown as ControllerBuilder<any, any, any, any>
}

/** A guard with a name that no action has guards nothing, and nobody would see it. */
function checkGuards(row: readonly Guarded[], names: readonly string[]): void {
  for (const { plugs, only = [], except = [] } of row) {
    for (const name of [...only, ...except]) {
      if (names.includes(name)) continue
      const plug = plugs[0]?.name || "an unnamed plug"
      throw new UsageError(`defineController: ${plug} is guarded for ${name}; the actions are ${names.join(", ")}`)
    }
  }
}

function handler(name: string, action: AnyAction, row: readonly Guarded[], fallback: AnyAction | undefined): AnyAction {
  if (typeof action !== "function") throw new UsageError(`the action ${name} is a function, got ${typeof action}`)
  const own = row.filter(({ only, except }) => (only?.includes(name) ?? true) && !except?.includes(name))
  const plugs = own.flatMap((guarded) => guarded.plugs)
  const last = fallback === undefined ? action : named(name, withFallback(action, fallback))
  if (plugs.length === 0) return last
  return named(name, (conn: Connection, params: unknown) => run(plugs, conn, last, params))
}

const named = (name: string, action: AnyAction): AnyAction => Object.defineProperty(action, "name", { value: name })

function withFallback(action: AnyAction, fallback: AnyAction): AnyAction {
  const settle = (conn: Connection, result: unknown): unknown => (result === conn ? conn : fallback(conn, result))
  return (conn: Connection, params: unknown) => {
    const result = action(conn, params)
    return result instanceof Promise ? result.then((value) => settle(conn, value)) : settle(conn, result)
  }
}
