import { client } from "plumage/test"
import { expect, test } from "vitest"
import { endpoint } from "./app.ts"

test("a post shows who looks at it", async () => {
  const app = client(endpoint)
  expect((await app.get("/posts/7")).status).toBe(401)

  const response = await app.get("/posts/7", undefined, { headers: { "x-token": "open-sesame" } })
  expect(await response.json()).toEqual({ id: "7", seenBy: "Ali", next: "/posts/8" })
})
