/** Starts the quickstart: PORT (4000), ADAPTER = node | uws | elli (node). */

import { start } from "../start.ts"
import { endpoint } from "./app.ts"

const { server, name } = await start(endpoint)
const { url } = server
console.log(`Plumage on ${name}: ${url}

A page with the stream and the websocket at work: open ${url} in a browser. Or try:

  curl ${url}/hello/ada                                          a path parameter
  curl -N ${url}/clock                                           server-sent events, one a second
  curl -N ${url}/countdown                                       a chunked answer
  curl -r 0-99 ${url}/download                                   the first 100 bytes of a file
  curl -H 'content-type: application/json' -d '{"a":1}' ${url}/json
  curl -i ${url}/secret                                          401: this pipeline needs a token
  curl -H 'authorization: Bearer open-sesame' ${url}/secret      and with it

Ctrl-C stops it; ADAPTER=uws or ADAPTER=elli chooses another server.`)
