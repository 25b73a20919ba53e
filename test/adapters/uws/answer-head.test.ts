import { expect, test } from "vitest"
import { answerHead } from "../../../adapters/uws/answer-head.ts"
import { FakeResponse } from "./fake.ts"

function written(status: number, headers: readonly string[], close = false): string {
  const response = new FakeResponse()
  answerHead(status, headers).write(response, close)
  return response.head
}

test("status and lines are one text; a date and a connection of the list are not in it", () => {
  const headers = ["x-a", "1", "date", "never", "connection", "close", "set-cookie", "a=1", "set-cookie", "b=2"]
  const text = "200 OK\r\nx-a: 1\r\nset-cookie: a=1\r\nset-cookie: b=2"
  expect(written(200, headers)).toBe(text)
  expect(written(200, headers, true)).toBe(`${text}\r\nconnection: close`)
  expect(answerHead(200, headers).isLast).toBe(true)
})

test("the same head again is the same text, another is not mistaken for it", () => {
  for (let i = 0; i < 3; i++) expect(written(404, ["x-a", "1"])).toBe("404 Not Found\r\nx-a: 1")
  expect(written(404, ["x-a", "1"], true)).toBe("404 Not Found\r\nx-a: 1\r\nconnection: close")
  expect(written(200, ["x-a", "1"])).toBe("200 OK\r\nx-a: 1")
  expect(written(404, ["x-a", "2"])).toBe("404 Not Found\r\nx-a: 2")
  expect(written(404, ["x-a", "2", "x-b", ""])).toBe("404 Not Found\r\nx-a: 2\r\nx-b: ")
})

test("a list that is changed after it was sent is another", () => {
  const headers = ["x-a", "1"]
  expect(written(200, headers)).toBe("200 OK\r\nx-a: 1")
  headers[1] = "2"
  expect(written(200, headers)).toBe("200 OK\r\nx-a: 2")
})

test("a character is a byte, the first time and later", () => {
  for (let i = 0; i < 3; i++) expect(written(200, ["x-a", "é\xff"])).toBe("200 OK\r\nx-a: é\xff")
})
