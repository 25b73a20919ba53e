/** The seven routes of a resource, after Phoenix's `resources`. */

import { UsageError } from "../conn/errors.ts"
import { checkOption, checkOptionNames } from "../conn/options.ts"
import type { Assigns } from "../conn/states.ts"
import type { AnyAction } from "../plug/run.ts"
import { join } from "./params.ts"
import type { Handler, Route } from "./route.ts"

/** The seven actions, each optional. */
export interface ResourceController<A extends Assigns, P, Id> {
  index?: Handler<A, P>
  new?: Handler<A, P>
  create?: Handler<A, P>
  show?: Handler<A, P & Id>
  edit?: Handler<A, P & Id>
  update?: Handler<A, P & Id>
  delete?: Handler<A, P & Id>
}
export type ActionName = keyof ResourceController<never, never, never>

export interface ResourceOptions<Param extends string, Name extends string, Singleton extends boolean> {
  /** The actions to route, of those that the controller has. */
  only?: readonly ActionName[]
  /** The actions to leave out. */
  except?: readonly ActionName[]
  /** The name of the path parameter; "id". */
  param?: Param
  /** The name by which nested routes call the parent's parameter: `user` makes it `:user_id`. */
  name?: Name
  /** One resource and not many: no index, and no parameter in the path. */
  singleton?: Singleton
}

type Member<P extends string, Param extends string, Singleton extends boolean> = Singleton extends true
  ? P
  : `${P}/:${Param}`

/** The routes that a controller gives, as types. */
export type ResourceRoutes<P extends string, K, Param extends string, Singleton extends boolean> = readonly (
  | ("index" extends K ? (Singleton extends true ? never : Route<"GET", P>) : never)
  | ("create" extends K ? Route<"POST", P> : never)
  | ("new" extends K ? Route<"GET", `${P}/new`> : never)
  | ("show" extends K ? Route<"GET", Member<P, Param, Singleton>> : never)
  | ("edit" extends K ? Route<"GET", `${Member<P, Param, Singleton>}/edit`> : never)
  | ("update" extends K ? Route<"PATCH" | "PUT", Member<P, Param, Singleton>> : never)
  | ("delete" extends K ? Route<"DELETE", Member<P, Param, Singleton>> : never)
)[]

/** The prefix of routes nested in a resource. */
export type NestedPrefix<
  P extends string,
  Param extends string,
  Name extends string,
  Singleton extends boolean,
> = Singleton extends true ? P : `${P}/:${Name}_${Param}`

const actionNames: readonly ActionName[] = ["index", "edit", "new", "show", "create", "update", "delete"]

export type AnyResourceOptions = ResourceOptions<string, string, boolean>

function checkNames(option: string, names: readonly ActionName[] | undefined): void {
  for (const name of names ?? []) {
    if (!actionNames.includes(name)) {
      throw new UsageError(`resources: ${option} takes ${actionNames.join(", ")}; got ${String(name)}`)
    }
  }
}

/**
 * The method, path and action of each route of a resource, in an order in which `/new` and `/:id/edit` come before `/:id`.
 * Raises `UsageError` for an unknown action name.
 */
export function resourceLines(
  path: string,
  controller: Partial<Record<ActionName, AnyAction>>,
  options: AnyResourceOptions,
): [method: string, path: string, action: AnyAction][] {
  checkOptionNames("resources", options, ["only", "except", "param", "name", "singleton"])
  const named = (text: string | undefined): boolean => text === undefined || /^[A-Za-z_]\w*$/.test(text)
  checkOption("resources", "param", named(options.param), "the name of a parameter", options.param)
  checkOption("resources", "name", named(options.name), "the name of a parameter", options.name)
  checkNames("only", options.only)
  checkNames("except", options.except)
  const member = options.singleton ? path : join(path, `/:${options.param ?? "id"}`)
  const places: Record<ActionName, [methods: string[], path: string]> = {
    index: [["GET"], path],
    edit: [["GET"], join(member, "/edit")],
    new: [["GET"], join(path, "/new")],
    show: [["GET"], member],
    create: [["POST"], path],
    update: [["PATCH", "PUT"], member],
    delete: [["DELETE"], member],
  }
  const lines: [string, string, AnyAction][] = []
  for (const name of actionNames) {
    const action = controller[name]
    if (action === undefined || (name === "index" && options.singleton)) continue
    if (options.only?.includes(name) === false || options.except?.includes(name)) continue
    const [methods, place] = places[name]
    for (const method of methods) lines.push([method, place, action])
  }
  return lines
}

/** Where the routes nested in a resource begin. Raises `UsageError` when the resource has no name to call its parameter by. */
export function nestedPrefix(path: string, options: AnyResourceOptions): string {
  if (options.singleton) return path
  if (options.name === undefined) {
    throw new UsageError(`resources(${path}): nested routes need a name for the parameter, such as { name: "user" }`)
  }
  return join(path, `/:${options.name}_${options.param ?? "id"}`)
}
