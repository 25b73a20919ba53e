/** Views: what is shown, once for each format, chosen by what the client accepts. */

import type { Body, MaybePromise } from "../conn/adapter.ts"
import { inner } from "../conn/conn.ts"
import { UsageError } from "../conn/errors.ts"
import { checkOptionNames } from "../conn/options.ts"
import type { Conn, Sent } from "../conn/states.ts"
import { mimeType } from "../http/mime.ts"
import { accepts } from "../plugs/accepts.ts"

/** A template: a function of what it shows. Of the format "json" it gives a value, of any other a text, html or bytes. */
export type Template = (assigns: any) => unknown
/** The templates of each format, by name: `{ html: { show }, json: { show } }`. */
export type Formats = Readonly<Record<string, Readonly<Record<string, Template>>>>

type NameOf<F extends Formats> = { [K in keyof F]: keyof F[K] & string }[keyof F]
/** What a template of this name must be given, so that every format has what it wants. */
type AssignsOf<F extends Formats, N> = Together<
  {
    [K in keyof F]: N extends keyof F[K] ? (F[K][N] extends (assigns: infer A) => unknown ? [A] : never) : never
  }[keyof F]
>
type Together<U> = (U extends [infer A] ? (assigns: A) => void : never) extends (assigns: infer I) => void ? I : never
type Given<A> = {} extends A ? [assigns?: A, options?: RenderOptions] : [assigns: A, options?: RenderOptions]

export interface RenderOptions {
  /** False renders without the layout. */
  layout?: false
}
export interface ViewOptions<F extends Formats> {
  /** What is put around the templates of a format: a function of what they gave, and of what they were given. */
  layout?: { readonly [K in keyof F]?: (content: any, assigns: any) => unknown }
}

export interface View<F extends Formats> {
  /**
   * Renders a template in the format that the client prefers among those that have it (`_format` of the query first), and
   * sends it. Raises `NotAcceptableError` (406). A promise where the template or the layout gives one.
   */
  render<N extends NameOf<F>>(conn: Conn<any>, name: N, ...given: Given<AssignsOf<F, N>>): MaybePromise<Sent>
}

/**
 * Defines a view: its templates by format and name, the format that is preferred first. Templates are functions, so any engine
 * that compiles to functions fits.
 *
 * Raises `UsageError` for a format whose media type is not known and for what is no function.
 *
 * @example
 * const posts = defineView({ text: { show: ({ title }) => title }, json: { show: ({ title }) => ({ title }) } })
 * const asked = conn("GET", "/", undefined, { headers: { accept: "application/json" } })
 * sentResp(posts.render(asked, "show", { title: "Plumage" })).body //=> '{"title":"Plumage"}'
 */
export function defineView<const F extends Formats>(formats: F, options: ViewOptions<F> = {}): View<F> {
  checkOptionNames("defineView", options, ["layout"])
  const names = new Set(Object.values(formats).flatMap((templates) => Object.keys(templates)))
  const choices = new Map<string, (conn: Conn) => string>()
  for (const name of names) {
    const having = Object.keys(formats).filter((format) => {
      const template = formats[format]![name]
      if (template !== undefined && typeof template !== "function") {
        throw new UsageError(`defineView: ${format}.${name} is a function, got ${typeof template}`)
      }
      return template !== undefined
    })
    const choose = accepts(having)
    choices.set(name, (conn) => choose(conn).assigns.format)
  }
  return {
    render(
      conn: Conn<any>,
      name: string,
      ...[assigns = {}, { layout } = {}]: [assigns?: unknown, options?: RenderOptions]
    ) {
      const choose = choices.get(name)
      if (choose === undefined) throw new UsageError(`this view has no ${name}; it has ${[...names].join(", ")}`)
      const format = choose(conn)
      const around = layout === false ? undefined : options.layout?.[format]
      const render = (): unknown => {
        const content = formats[format]![name]!(assigns)
        return around === undefined ? content : after(content, (whole) => around(whole, assigns))
      }
      const { instrumentation } = inner(conn).settings
      const isMeasured = instrumentation?.has(controllerRender)
      const laid = isMeasured
        ? instrumentation!.instrument(controllerRender, { template: `${name}.${format}`, format, conn }, render)
        : render()
      return after(laid, (value) => sendAs(conn, format, value)) as MaybePromise<Sent>
    },
  } as View<F>
}

const controllerRender = "phoenix_controller_render"

const after = (value: unknown, go: (value: unknown) => unknown): unknown =>
  value instanceof Promise ? value.then(go) : go(value)

/** Sends what a template gave, as what its format is. */
function sendAs(conn: Conn, format: string, value: unknown): Sent {
  if (format === "json") return conn.json(value)
  const type = mimeType(format)
  if (conn.getRespHeader("content-type") === undefined) {
    conn.putRespContentType(type, type.startsWith("text/") || type.endsWith("xml") ? "utf-8" : undefined)
  }
  const body: Body = value instanceof Uint8Array ? value : String(value)
  return conn.sendResp(conn.status ?? 200, body)
}
