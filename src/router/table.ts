/** The table behind each router. */

import { UsageError } from "../conn/errors.ts"
import type { Matcher } from "./matcher.ts"
import type { Entry } from "./route.ts"

/** What belongs to each router. */
export interface Table {
  readonly entries: readonly Entry[]
  readonly matcher: Matcher<Entry>
  readonly hosted: boolean
}
export const tables: WeakMap<object, Table> = new WeakMap()

/** The table behind a router. Raises `UsageError` for what is no router. */
export function tableOf(router: object): Table {
  const table = tables.get(router)
  if (table === undefined) throw new UsageError("this is no router: routers are made with defineRouter")
  return table
}
