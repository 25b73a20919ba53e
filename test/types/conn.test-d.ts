/** What the types of a connection let one do in each state. Every line below a ts-expect-error must not compile. */
import type { AnyConn, Conn, Done, Halted, MaybePromise, Ready, Sent, Upgraded } from "plumage"
import { call, conn } from "plumage/test"
import { type Equal, is } from "./is.ts"

export const open = conn("GET", "/")

// Assigns are carried by the type, and shown as one flat object.
const assigned = open.assign("a", 1).assign("b", "x")
is<Equal<(typeof assigned.assigns)["a"], number>>()
is<Equal<(typeof assigned.assigns)["b"], string>>()
is<Equal<(typeof merged.assigns)["c"], true>>()
const merged = assigned.mergeAssigns({ c: true })
// @ts-expect-error nobody assigned d
export const missing = merged.assigns.d
// @ts-expect-error assigns are read, never written
assigned.assigns.a = 2
// @ts-expect-error headers are a list to read
assigned.respHeaders.push("a", "b")

// The methods that change nothing of the type give the same connection back, so that a chain keeps its assigns.
const chained = assigned
  .putStatus(201)
  .putStatus("created")
  .putRespHeader("a", "b")
  .prependRespHeaders([["a", "b"]])
  .mergeRespHeaders({ a: "b" })
  .putRespCookie("a", { any: 1 }, { sign: true })
  .registerBeforeSend((conn) => conn.status)
  .onClose((reason) => reason?.code)
  .inform(103, { link: "</a>" })
is<Equal<typeof chained, typeof assigned>>()

// Every answer ends what can be sent.
is<Equal<ReturnType<typeof open.text>, Sent>>()
is<Equal<ReturnType<typeof open.json>, Sent>>()
is<Equal<ReturnType<typeof open.redirect>, Sent>>()
is<Equal<ReturnType<typeof open.sendFile>, Promise<Sent>>>()
is<Equal<ReturnType<typeof assigned.sendChunked>["assigns"], (typeof assigned)["assigns"]>>()
is<Equal<ReturnType<typeof open.upgrade>, Upgraded>>()
is<Equal<ReturnType<typeof open.halt>, Halted>>()
const sent = open.text("x")
// @ts-expect-error a sent connection cannot be sent again
sent.text("x")
// @ts-expect-error nor changed
sent.putRespHeader("a", "b")
// @ts-expect-error nor written to
sent.chunk("x")
sent.halt().getRespHeader("a")
const chunked = open.sendChunked(200)
// @ts-expect-error the head has left
chunked.putRespHeader("a", "b")
// @ts-expect-error it is answered
chunked.sendResp(200)
is<Equal<ReturnType<typeof chunked.chunk>, MaybePromise<boolean>>>()
// @ts-expect-error an upgraded connection has left HTTP
open.upgrade("websocket", {}).text("x")
// @ts-expect-error there is no other protocol
open.upgrade("tcp", {})
// @ts-expect-error a halted connection is over
open.halt().text("x")
// @ts-expect-error chunks follow sendChunked
open.chunk("x")
// @ts-expect-error events too
open.event("x")

// resp leaves it open, and is an end all the same.
export const set: Ready & Conn = open.resp(200, "x")
set.sendResp()
export const done: Done[] = [sent, chunked, open.halt(), open.upgrade("websocket", {}), set]
// @ts-expect-error an open connection is no end
export const undone: Done = open
export const any: AnyConn[] = [open, sent, chunked, open.halt()]

// Values.
// @ts-expect-error a body is text or bytes
open.sendResp(200, { a: 1 })
// @ts-expect-error there is no status of that name
open.sendResp("okay")
// @ts-expect-error a header's value is text
open.putRespHeader("a", 1)
// @ts-expect-error there is no such option
open.putRespCookie("a", "b", { httponly: true })
// @ts-expect-error there are three values for it
open.putRespCookie("a", "b", { sameSite: "lax" })
// @ts-expect-error an event that has no such field
open.eventStream(async function* () { yield { name: "x" } }) // biome-ignore format: one line for the error
// @ts-expect-error a generator that is not async
open.eventStream(function* () { yield { data: "x" } }) // biome-ignore format: one line for the error

// The kit holds to the same.
const needsUser = (conn: Conn<{ user: string }>) => conn.text(conn.assigns.user)
call(needsUser, open.assign("user", "ada"))
// @ts-expect-error needsUser needs user
call(needsUser, open)
// @ts-expect-error of another type
call(needsUser, open.assign("user", 5))
