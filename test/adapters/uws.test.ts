import { uws } from "plumage/adapters/uws"
import { describe } from "vitest"
import { columnOf, type Lack, suite } from "./suite.ts"

/** The binary is there for some versions of Node and some systems only. */
const loads = await import("uWebSockets.js").then(
  () => true,
  () => false,
)
if (!loads) console.warn(`uws is left out: its binary does not load on Node ${process.version}`)

const malformed = [
  "chunked behind a vertical tab",
  "a space before the colon",
  "chunked on a folded line",
  "a length with a space before the colon",
  "an extension",
]
const misread = ["an empty chunk size", "a space before a chunk size", "a chunk size that ends in a bare LF"]
const misframed = ["data (longer|shorter) than", "where data ends", "behind the last chunk", "trailer"]

/** What uWebSockets parses and answers below the adapter, which never sees it (seen with a bare uWS server). */
const lacking: readonly Lack[] = [
  [
    /refused HEAD/,
    "uWS sends what is written to it; a refusal must fill its buffer, so that nothing behind it is served",
  ],
  [
    /by default (8 kB|15 kB|100 headers)|a refused head harms/,
    "uWS holds 4,096 bytes and 48 lines of a head by default",
  ],
  [/the head and each part leave at once/, "uWS sends the head of a chunked answer with its first chunk"],
  [/asks and asks and reads nothing/, "uWS gives up pipelined requests when an answer has to wait"],
  [/floods a slow handler/, "uWS cannot pause a websocket; what is too much ends it with 1013"],
  [/absolute-form|asterisk-form|an empty line before/, "uWS refuses this request line with 505"],
  [/HTTP\/1\.0/, "uWS speaks HTTP/1.1 only and refuses others with 505"],
  [/cut at every byte|requestLineBytes.*each byte/, "uWS refuses a request line that comes in pieces with 505"],
  [/what is no header line is refused/, "uWS answers no malformed header line; the connection ends at its deadline"],
  [/names of an object's own|every character of a token/, "uWS takes only letters, digits and - in header names"],
  [/bytes above 127/, "uWS gives header values with bytes above 127 as empty"],
  [/message framing.*extensions/, "uWS refuses chunk extensions"],
  [/message framing.*trailer|what follows the last chunk|three requests/, "uWS takes trailers for the next request"],
  [
    new RegExp(`smuggling.*(${malformed.join("|")})`),
    "uWS answers no malformed line; the connection ends at its deadline",
  ],
  [new RegExp(`smuggling.*(${misread.join("|")})`), "uWS reads chunk sizes leniently"],
  [new RegExp(`smuggling.*(${misframed.join("|")})`), "uWS does not check what follows a chunk's data"],
  [/pipelining.*answers come in the order/, "uWS ends a connection that asks again before it is answered"],
  [/nothing behind a request with connection: close/, "uWS serves what was pipelined behind connection: close"],
  [/pipelining.*bad framing behind/, "uWS drops answers that wait when bad framing follows"],
  [/a date that the app put/, "uWS writes the date itself"],
  [/expectations.*(comes once|without 100)/, "uWS answers 100-continue itself, at once, in lower case only"],
  [/the head and each part leave at once/, "uWS sends the head of a stream with its first chunk"],
  [/a client that asks and asks/, "uWS serves all that one read brought; the adapter ends the connection then"],
  [/a client that floods a slow handler/, "uWS does not pause a websocket; the adapter ends it with 1013"],
  [/frames that came with the handshake/, "uWS drops what comes with a handshake"],
  [/an unmasked frame/, "uWS does not look at the mask bit"],
  [
    /websocket violations.*(close frame of one byte|close code|a reason)/,
    "uWS answers a bad close frame with an empty one",
  ],
  [/closes with 3000/, "uWS takes 3000 for no close code"],
]

describe.skipIf(!loads)("", () => {
  suite(columnOf("uws", uws, { lacking }))
  suite(columnOf("uws TLS", uws, { secure: true, lacking }))
})
