import { fileURLToPath } from "node:url"
import { conn, sentResp } from "plumage/test"
import { describe, expect, test } from "vitest"

const file = fileURLToPath(new URL("../../package.json", import.meta.url))

describe("bytesSent", () => {
  test("is 0 until something is sent", () => {
    expect(conn("GET", "/").resp(200, "hello").bytesSent).toBe(0)
  })

  test.each(["", "hello", "grüße", "💡"])("counts the bytes of a text, not its characters: %j", (text) => {
    expect(conn("GET", "/").text(text).bytesSent).toBe(Buffer.byteLength(text))
  })

  test("counts bytes as they are, and what a callback has made of the body", () => {
    expect(conn("GET", "/").sendResp(200, new Uint8Array(7)).bytesSent).toBe(7)
    const longer = conn("GET", "/").registerBeforeSend((one) => one.resp(200, `${one.respBody} and more`))
    expect(longer.text("this").bytesSent).toBe("this and more".length)
  })

  test("is 0 where no body is sent: HEAD, 204 and 304", () => {
    expect(conn("HEAD", "/").text("hello").bytesSent).toBe(0)
    for (const status of [204, 304]) expect(conn("GET", "/").sendResp(status, "hello").bytesSent, `${status}`).toBe(0)
  })

  test("counts chunks as they are written, events too", async () => {
    const one = conn("GET", "/").sendChunked(200)
    expect(one.bytesSent).toBe(0)
    await one.chunk("grüße")
    await one.chunk(new Uint8Array(3))
    expect(one.bytesSent).toBe(10)
    await one.event("x")
    expect(one.bytesSent).toBe(10 + "data: x\n\n".length)
  })

  test("is the length of the slice of a file, 0 for HEAD", async () => {
    const sent = await conn("GET", "/").sendFile(200, file, 3, 40)
    expect(sent.bytesSent).toBe(sentResp(sent).bytes.length)
    expect(sent.bytesSent).toBe(40)
    expect((await conn("HEAD", "/").sendFile(200, file)).bytesSent).toBe(0)
  })
})
