/**
 * The conformance suite: one set of cases, in the order of the RFCs, that every server must pass.
 *
 * `suite(column)` registers the cases for one column of the published table. Each group is a row. Where servers
 * legitimately differ a case asks `capabilities`; a limit that a server cannot have skips its case, aloud.
 */
import { aborts } from "./suite/aborts.ts"
import { backpressure } from "./suite/backpressure.ts"
import { bodies } from "./suite/bodies.ts"
import { chunkedAnswers } from "./suite/chunked-answers.ts"
import { connections } from "./suite/connections.ts"
import { deadlines } from "./suite/deadlines.ts"
import { appErrors } from "./suite/errors.ts"
import { eventStreams } from "./suite/event-streams.ts"
import { expectations } from "./suite/expectations.ts"
import { fields } from "./suite/fields.ts"
import { files } from "./suite/files.ts"
import { framing } from "./suite/framing.ts"
import { globals } from "./suite/globals.ts"
import { type Column, Suite } from "./suite/harness.ts"
import { headerLists } from "./suite/header-lists.ts"
import { overHttp2 } from "./suite/http2.ts"
import { informational } from "./suite/informational.ts"
import { leaks } from "./suite/leaks.ts"
import { limits } from "./suite/limits.ts"
import { peers } from "./suite/peers.ts"
import { requestLine } from "./suite/request-line.ts"
import { responses } from "./suite/responses.ts"
import { smuggling } from "./suite/smuggling.ts"
import { stops } from "./suite/stops.ts"
import { storms } from "./suite/storms.ts"
import { websocketBackpressure } from "./suite/websocket-backpressure.ts"
import { websocketCompression } from "./suite/websocket-compression.ts"
import { websocketEnds } from "./suite/websocket-ends.ts"
import { websocketHandshakes } from "./suite/websocket-handshakes.ts"
import { websocketMessages } from "./suite/websocket-messages.ts"
import { websocketViolations } from "./suite/websocket-violations.ts"
import { websockets } from "./suite/websockets.ts"

export { type Column, columnOf, type Lack } from "./suite/harness.ts"

/** The chapters, in order: RFC 9112, RFC 9110, streams, RFC 6455, the life of the server. */
const chapters = [
  requestLine,
  fields,
  framing,
  smuggling,
  connections,
  responses,
  headerLists,
  peers,
  bodies,
  expectations,
  informational,
  limits,
  deadlines,
  files,
  chunkedAnswers,
  backpressure,
  aborts,
  leaks,
  eventStreams,
  appErrors,
  websockets,
  websocketHandshakes,
  websocketMessages,
  websocketViolations,
  websocketEnds,
  websocketBackpressure,
  websocketCompression,
  storms,
  stops,
  overHttp2,
  globals,
]

/** Registers every case for one column. */
export function suite(column: Column): void {
  const one = new Suite(column)
  one.run(() => {
    for (const chapter of chapters) chapter(one)
  })
}
