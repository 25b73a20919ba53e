/** What the types of pipelines and endpoints hold. Every line below a ts-expect-error must not compile. */
import {
  type Conn,
  type ConnOf,
  defineEndpoint,
  defineRouter,
  type Halted,
  type Pipeline,
  type Plug,
  pipeline,
  routerFor,
} from "plumage"
import { type Equal, is } from "./is.ts"

export interface User {
  id: string
  name: string
}
declare const findByToken: (token: string | undefined) => Promise<User | undefined>

const fetchCurrentUser = async (conn: Conn) =>
  conn.assign("currentUser", await findByToken(conn.getReqHeader("authorization")))
const requireUser = (conn: Conn<{ currentUser: User | undefined }>) =>
  conn.assigns.currentUser
    ? conn.assign("currentUser", conn.assigns.currentUser)
    : conn.sendResp(401, "who are you?").halt()
export const browser = pipeline()
  .plug((conn) => conn.putRespHeader("x-frame-options", "DENY"))
  .plug(fetchCurrentUser)
export const authenticated = pipeline<{ currentUser: User | undefined }>().plug(requireUser)
export type UserConn = ConnOf<typeof authenticated>
export const through = browser.plug(authenticated)

is<Equal<ConnOf<typeof browser>["assigns"]["currentUser"], User | undefined>>()
is<Equal<ConnOf<typeof through>["assigns"]["currentUser"], User>>()
// @ts-expect-error authenticated needs currentUser, which nobody assigned
pipeline().plug(authenticated)
// @ts-expect-error a plug that sends must halt
pipeline().plug((conn) => conn.sendResp(401, "no"))
// @ts-expect-error a plug that streams must halt
pipeline().plug((conn) => conn.sendChunked(200))
// @ts-expect-error a plug gives the connection back
pipeline().plug(() => undefined)
// @ts-expect-error also when it is async
pipeline().plug(async (conn) => void conn.assign("a", 1))
pipeline().plug((conn) => {
  const sent = conn.sendResp(200)
  // @ts-expect-error a sent connection cannot be sent again
  sent.sendResp(200)
  return sent.halt()
})
const maybe = pipeline().plug((conn) => (conn.method === "GET" ? conn.assign("seen", true as boolean) : conn))
// @ts-expect-error an assign made on one branch only is not promised
export const seen: boolean = (null as unknown as ConnOf<typeof maybe>).assigns.seen

// A plug with options is a function that returns one.
const limit =
  (max: number): Plug<{}, { max: number }> =>
  (conn) =>
    conn.assign("max", max)
is<Equal<ConnOf<Pipeline<{}, { max: number }>>["assigns"]["max"], number>>()
export const limited = pipeline()
  .plug(limit(3))
  .plug((conn) => conn.putRespHeader("x-max", String(conn.assigns.max)))
const wantsNumber = (conn: Conn<{ max: number }>) => conn
const wantsText = (conn: Conn<{ max: string }>) => conn
// @ts-expect-error nobody before it assigned max
pipeline().plug(wantsNumber)
limited.plug(wantsNumber)
// @ts-expect-error max is a number
limited.plug(wantsText)
export const halts: Plug = (conn): Halted => conn.sendResp(403, "").halt()

// Endpoints carry the assigns to sockets and to the router.
const needs = routerFor<{ requestId: string }>()((r) => [r.get("/", (conn) => conn.text(conn.assigns.requestId))])
const plain = defineRouter((r) => [r.get("/", (conn) => conn.text("x"))])
export const endpoint = defineEndpoint()
  .plug((conn) => conn.assign("requestId", "7"))
  .socket("/a", (conn) => ({ open: (ws) => void ws.send(conn.assigns.requestId) }))
  .socket("/b", {}, { checkOrigin: ["https://a.example"], maxMessageBytes: 5 })
  .router(needs)
defineEndpoint().router(plain)
// @ts-expect-error the router needs requestId
defineEndpoint().router(needs)
// @ts-expect-error the socket needs requestId
defineEndpoint().socket("/a", (conn: Conn<{ requestId: string }>) => conn.text(conn.assigns.requestId))
// @ts-expect-error a socket gives a handler or answers
defineEndpoint().socket("/a", (conn) => conn.assign("a", 1))
// @ts-expect-error there is no such option
defineEndpoint().socket("/a", {}, { origin: true })
// @ts-expect-error nor this one
defineEndpoint({ secret: "x" })
// @ts-expect-error a plug that sends must halt
defineEndpoint().plug((conn) => conn.text("x"))
