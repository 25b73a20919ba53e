/** What is said of routes beside their actions: metadata, log level, and what they find before their plugs run. */

import type { Connection } from "../conn/conn.ts"
import { checkOption } from "../conn/options.ts"
import type { Assigns } from "../conn/states.ts"
import type { AnyPlug } from "../plug/run.ts"
import type { ScopeOptions } from "./route.ts"

export const noMetadata: Readonly<Record<string, unknown>> = Object.freeze({})

const levels: readonly unknown[] = ["debug", "info", "warn", "error", false, undefined]
const isRecord = (value: unknown): boolean => value === undefined || (typeof value === "object" && value !== null)

/** The options of a place inside another: records are merged, the inner wins. Raises `InvalidOptionError`. */
export function mergeOptions(outer: ScopeOptions<Assigns>, own: ScopeOptions<Assigns>): ScopeOptions<Assigns> {
  for (const name of ["assigns", "private", "metadata"] as const) {
    checkOption("route", name, isRecord(own[name]), "an object", own[name])
  }
  checkOption("route", "log", levels.includes(own.log), '"debug", "info", "warn", "error" or false', own.log)
  const merged: ScopeOptions<Assigns> = { ...outer, ...own }
  for (const name of ["assigns", "private", "metadata"] as const) {
    if (outer[name] !== undefined || own[name] !== undefined) merged[name] = { ...outer[name], ...own[name] }
  }
  return merged
}

/** The plug that puts what the options say in front of all others; none where they say nothing. */
export function settling({ assigns, private: privates }: ScopeOptions<Assigns>): AnyPlug[] {
  if (assigns === undefined && privates === undefined) return []
  const settle = (conn: Connection): Connection => {
    if (assigns !== undefined) conn.mergeAssigns(assigns)
    for (const name in privates) conn.putPrivate(name, privates[name])
    return conn
  }
  return [settle]
}
