/** An exchange that is looked at: when its answer begins, and how its websocket ends, which is after the exchange. */

import type { Body, Exchange, OpenFile, WebSocket, WebSocketHandler, WebSocketUpgrade } from "../conn/adapter.ts"
import { Delegate } from "../conn/delegate.ts"

/** Who looks. Neither may throw. */
export interface Watcher {
  /** The head of an answer is about to leave; 101 where the request becomes a websocket. */
  begun(status: number, kind: "whole" | "stream" | "websocket"): void
  /** The websocket is over. */
  closed(code: number): void
}

/** Put before a conn's exchange: `inner(conn).exchange = new WatchedExchange(conn.exchange, watcher)`. */
export class WatchedExchange extends Delegate {
  readonly #watcher: Watcher

  constructor(inner: Exchange, watcher: Watcher) {
    super(inner)
    this.#watcher = watcher
  }
  override sendResp(status: number, headers: readonly string[], body: Body): void {
    this.#watcher.begun(status, "whole")
    this.inner.sendResp(status, headers, body)
  }
  override sendHead(status: number, headers: readonly string[], length: number): void {
    this.#watcher.begun(status, "whole")
    this.inner.sendHead(status, headers, length)
  }
  override sendFile(
    status: number,
    headers: readonly string[],
    file: OpenFile,
    offset: number,
    length: number,
  ): Promise<void> {
    this.#watcher.begun(status, "whole")
    return this.inner.sendFile(status, headers, file, offset, length)
  }
  override sendChunked(status: number, headers: readonly string[], length: number): void {
    this.#watcher.begun(status, "stream")
    this.inner.sendChunked(status, headers, length)
  }
  override upgrade(upgrade: WebSocketUpgrade): void {
    this.#watcher.begun(101, "websocket")
    this.inner.upgrade({ ...upgrade, handler: watchedHandler(upgrade.handler, this.#watcher) })
  }
}

/** A handler that does what another does, with its `this`, and says when it is closed. */
function watchedHandler(handler: WebSocketHandler, watcher: Watcher): WebSocketHandler {
  const watched: WebSocketHandler = {
    close(ws: WebSocket, code: number, reason: string) {
      watcher.closed(code)
      return handler.close?.(ws, code, reason)
    },
  }
  // Only what it has: a server may ask less of itself where nobody listens.
  if (handler.open !== undefined) watched.open = handler.open.bind(handler)
  if (handler.message !== undefined) watched.message = handler.message.bind(handler)
  if (handler.ping !== undefined) watched.ping = handler.ping.bind(handler)
  if (handler.pong !== undefined) watched.pong = handler.pong.bind(handler)
  if (handler.drain !== undefined) watched.drain = handler.drain.bind(handler)
  return watched
}
