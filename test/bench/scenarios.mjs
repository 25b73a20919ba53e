/**
 * The scenarios of the benchmark: the request of each, the answer it must get, and the budgets of the design.
 */
import { cacheControl, frameOptions, jsonType, textType, viewer } from "./work.mjs"

/** About 1 kB of JSON in ASCII, as most of it is. */
export const echoBody = JSON.stringify({
  id: 4711,
  title: "An order as a shop would send it, as one line among many",
  paid: true,
  total: 1234.5,
  tags: ["alpha", "beta", "gamma", "delta"],
  note: null,
  lines: Array.from({ length: 8 }, (_, n) => ({
    sku: `sku-${1000 + n}`,
    quantity: n + 1,
    price: 9.75 * (n + 1),
    label: `Line ${n}`,
  })),
  address: { street: "1 Long Street", city: "Basle", country: "CH", zip: "8000" },
  comment: "Please leave the parcel with the neighbour on the second floor, who is at home before noon. ".repeat(2),
})

const common = { "cache-control": cacheControl }
const json = (body, extra = {}) => ({ status: 200, body, headers: { "content-type": jsonType, ...common, ...extra } })
const behindPlugs = { "x-frame-options": frameOptions, "x-viewer": viewer }

function echoing(name, body) {
  const headers = { "content-type": "application/json" }
  return { name, request: { method: "POST", path: "/echo", body, headers }, answer: json(body) }
}

/** What is measured. `answer.headers` are those that every server must send alike. */
export const scenarios = [
  {
    name: "hello",
    request: { method: "GET", path: "/" },
    answer: { status: 200, body: "hello", headers: { "content-type": textType, ...common } },
  },
  { name: "json", request: { method: "GET", path: "/json" }, answer: json('{"hello":"world"}') },
  {
    name: "users",
    request: { method: "GET", path: "/api/users/42?q=hello" },
    answer: json('{"id":"42","q":"hello"}', behindPlugs),
  },
  echoing("echo", echoBody),
]

/** What is only checked, so that no server is quick because it leaves something out. */
export const checks = [
  ...scenarios,
  echoing("text beyond ASCII", JSON.stringify({ city: "Zürich", note: "naïve façade ".repeat(40) })),
  echoing("text beyond Latin-1", JSON.stringify({ greeting: "Γειά σου 👋", list: Array(30).fill("日本語") })),
  {
    name: "escapes are decoded",
    request: { method: "GET", path: "/api/users/a%20b?page=1&q=%C3%BC%26+1" },
    answer: json('{"id":"a b","q":"ü& 1"}', behindPlugs),
  },
  {
    name: "a query is not needed",
    request: { method: "GET", path: "/api/users/7" },
    answer: json('{"id":"7","q":""}', behindPlugs),
  },
  { name: "an unknown path", request: { method: "GET", path: "/nowhere" }, answer: { status: 404 } },
  { name: "an unknown collection", request: { method: "GET", path: "/api/nothing/42" }, answer: { status: 404 } },
]

/**
 * The least that the design asks for, by adapter and scenario, as a ratio of requests per CPU second.
 * `to` is the server that the ratio is taken to.
 */
export const budgets = {
  "plumage-node": [
    { to: "raw-http", least: { hello: 0.95, json: 0.95, users: 0.92, echo: 0.92 } },
    { to: "fastify", least: { hello: 1.15, json: 1.15, users: 1.15, echo: 1.15 } },
  ],
  "plumage-elli": [{ to: "raw-http", least: { hello: 1.6, json: 1.5, users: 1.5, echo: 1.3 } }],
  "plumage-uws": [{ to: "raw-uws", least: { hello: 0.95, json: 0.93, users: 0.92, echo: 0.92 } }],
}
