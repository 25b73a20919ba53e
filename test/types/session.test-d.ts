/** What the types of sessions hold. Every line below a ts-expect-error must not compile. */
import { type Conn, type ConnOf, defineRouter, pipeline } from "plumage"
import { csrfProtection, csrfToken } from "../../src/plugs/csrf-protection.ts"
import { type Flash, flash } from "../../src/plugs/flash.ts"
import { memoryStore } from "../../src/plugs/memory-store.ts"
import { type Session, session } from "../../src/plugs/session.ts"
import { type Equal, is } from "./is.ts"

interface Data {
  userId: number
  cart: { id: string; tags: string[] }[]
}

const browser = pipeline()
  .plug(session<Data>({ store: memoryStore(), key: "app" }))
  .plug(flash())
  .plug(csrfProtection())
type Browser = ConnOf<typeof browser>
// The plugs after it leave the session's own type as it is.
is<Equal<Browser["assigns"]["session"], Session<Data>>>()
is<Equal<Browser["assigns"]["flash"], Flash>>()

declare const conn: Browser
const own = conn.assigns.session
is<Equal<ReturnType<typeof userOf>, number | undefined>>()
const userOf = () => own.get("userId")
own.put("userId", 7).put("cart", [{ id: "a", tags: ["b"] }])
own.put("cart", [...(own.get("cart") ?? []), { id: "a", tags: [] }])
// @ts-expect-error there is no such key
own.get("user")
// @ts-expect-error a key has its type
own.put("userId", "7")
// @ts-expect-error to forget is to delete
own.put("userId", undefined)
// @ts-expect-error what is got is frozen
own.get("cart")?.push({ id: "a", tags: [] })
// @ts-expect-error all the way down
own.get("cart")?.[0]?.tags.push("c")
// @ts-expect-error and so is all of it
own.all().userId = 7
// @ts-expect-error an id is given, never chosen
own.id = "mine"
csrfToken(conn)

// Without a type, keys are any text and values unknown.
const untyped = pipeline().plug(session({ store: memoryStore(), key: "app" }))
declare const open: ConnOf<typeof untyped>
is<Equal<ReturnType<typeof anything>, unknown>>()
const anything = () => open.assigns.session.get("anything")

// What needs a session does not compile without one.
// @ts-expect-error flash needs one
pipeline().plug(flash())
// @ts-expect-error csrfProtection needs one
pipeline().plug(csrfProtection())
declare const bare: Conn
// @ts-expect-error a token is kept in one
csrfToken(bare)
const greet = (conn: Conn<{ session: Session<Data> }>) => conn.text(String(conn.assigns.session.get("userId")))
defineRouter((r) => [r.scope("/", browser, (r) => [r.get("/", greet)])])
// @ts-expect-error an action that needs one does not either
defineRouter((r) => [r.get("/", greet)])
const logOut = (conn: Conn<{ session: Session }>) => {
  conn.assigns.session.drop()
  return conn.redirect("/")
}
defineRouter((r) => [r.scope("/", browser, (r) => [r.post("/logout", logOut)])])
// @ts-expect-error nor one that needs a session of other data
defineRouter((r) => [r.scope("/", untyped, (r) => [r.get("/", greet)])])

// @ts-expect-error a session has a store
session({ key: "app" })
// @ts-expect-error and a key
session({ store: memoryStore() })
// @ts-expect-error SameSite is one of three
session({ store: memoryStore(), key: "app", sameSite: "lax" })
// @ts-expect-error there are two answers to a forged request
csrfProtection({ with: "ignore" })
