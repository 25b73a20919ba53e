/** What every case is given: a column of the conformance table, its server, and connections that end with the test. */
import { type Adapter, type Capabilities, type Limits, MissingCapabilityError, type Server, serve } from "plumage"
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest"
import type { ServerOptions } from "../../../adapters/options.ts"
import { type Answer, Wire } from "../wire.ts"
import { endpoint, errors } from "./app.ts"
import { ca, tls } from "./fixtures.ts"
import { watchProcess } from "./guard.ts"
import { type OpenRequest, type RequestInit, speak } from "./speak.ts"

/** What the client speaks: HTTP/1.1 on a raw socket, HTTP/2, or the in-memory test adapter's own. */
export type Protocol = "http1" | "http2" | "memory"

/** One column of the table. */
export interface Column {
  readonly name: string
  readonly protocol: Protocol
  readonly secure: boolean
  readonly capabilities: Capabilities
  /** Cases that the server cannot pass, by what their full name contains, each with its reason. They are left out aloud. */
  readonly lacking: readonly Lack[]
  listen(options: ServerOptions): Promise<Server>
}
export type Lack = readonly [name: RegExp, reason: string]

/** The column of a server: its adapter, plain or over TLS. */
export function columnOf(
  name: string,
  adapter: (options: ServerOptions) => Adapter,
  options: { secure?: boolean; protocol?: Protocol; lacking?: readonly Lack[] } = {},
): Column {
  const { secure = false, protocol = "http1", lacking = [] } = options
  const base: ServerOptions = { port: 0, host: "127.0.0.1", ...(secure ? { tls } : {}) }
  const { capabilities } = adapter(base)
  const listen = async (given: ServerOptions) => serve(endpoint, adapter({ ...base, ...given }))
  return { name, protocol, secure, capabilities, lacking, listen }
}

/** The in-memory test adapter, which has no server and no bytes on a wire. */
export const memoryColumn: Column = {
  name: "test",
  protocol: "memory",
  secure: false,
  capabilities: { http2: false, tls: false, inform: true, websocket: true },
  lacking: [],
  listen: async () => ({ url: "", port: 0, stop: async () => {} }),
}

/** A server that listens, and the connections to it. */
export class Running {
  readonly column: Column
  readonly server: Server
  readonly limits: Partial<Limits>
  readonly #wires = new Set<Wire>()
  readonly #open = new Set<OpenRequest>()

  constructor(column: Column, server: Server, limits: Partial<Limits>) {
    this.column = column
    this.server = server
    this.limits = limits
  }

  get port(): number {
    return this.server.port
  }

  /** A raw connection; it ends with the test. */
  async connect(options: { deadline?: number } = {}): Promise<Wire> {
    const wire = await Wire.connect({ port: this.port, ca: this.column.secure ? ca : undefined, ...options })
    this.#wires.add(wire)
    return wire
  }

  /** Sends bytes on a connection of their own and reads one answer. */
  async say(bytes: string | Uint8Array, method = "GET"): Promise<Answer> {
    const wire = await this.connect()
    return wire.send(bytes).answer(method)
  }

  /** One request in the protocol of the column, answered in full. */
  async request(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    return (await this.open(method, path, init)).answer()
  }

  /** One request in the protocol of the column, whose answer is read bit by bit. */
  async open(method: string, path: string, init: RequestInit = {}): Promise<OpenRequest> {
    const request = await speak[this.column.protocol](this, method, path, init)
    this.#open.add(request)
    return request
  }

  /** Ends every connection from the client's side. */
  hangUp(): void {
    for (const wire of this.#wires) wire.destroy()
    for (const request of this.#open) request.destroy()
    this.#wires.clear()
    this.#open.clear()
  }

  async stop(): Promise<void> {
    this.hangUp()
    await this.server.stop({ graceMs: 200 })
  }
}

/** The titles of a case, from its group down. */
function fullName(task: { name: string; suite?: { name: string; suite?: unknown } | undefined }): string {
  const titles = [task.name]
  for (let at = task.suite; at?.suite; at = at.suite as typeof at) titles.unshift(at.name)
  return titles.join(" > ")
}

/** Gives up a test because the column lacks what it asks for; vitest's own `skip`. */
export type Skip = (note: string) => never

export class Suite {
  readonly column: Column
  readonly capabilities: Capabilities
  #shared: Running | undefined
  readonly #special = new Set<Running>()

  constructor(column: Column) {
    this.column = column
    this.capabilities = column.capabilities
  }

  /** The server with default limits that most cases share. */
  get server(): Running {
    if (!this.#shared) throw new Error("the server runs only while tests do")
    return this.#shared
  }

  /** Cases about bytes on a connection: HTTP/1.1 over a socket. */
  get onWire(): boolean {
    return this.column.protocol === "http1"
  }

  /** False for the in-memory test adapter. */
  get hasServer(): boolean {
    return this.column.protocol !== "memory"
  }

  /** A server of this test's own. A limit that the column's server cannot have skips the test, aloud. */
  async start(skip: Skip, options: ServerOptions): Promise<Running> {
    try {
      const running = await this.#listen(options)
      this.#special.add(running)
      return running
    } catch (error) {
      if (error instanceof MissingCapabilityError) skip(error.message)
      throw error
    }
  }

  /** Registers the cases of `register` with everything they need around them. */
  run(register: () => void): void {
    describe(this.column.name, () => {
      watchProcess()
      beforeAll(async () => {
        this.#shared = await this.#listen({})
      })
      beforeEach(({ task, skip }) => {
        if (process.env["SUITE_LACKING"] === "run") return
        const lack = this.column.lacking.find(([name]) => name.test(fullName(task)))
        if (lack) skip(lack[1])
      })
      afterEach(async () => {
        this.#shared?.hangUp()
        for (const running of this.#special) await running.stop()
        this.#special.clear()
        errors.length = 0
      })
      afterAll(() => this.#shared?.stop())
      register()
    })
  }

  /** A row of the table: cases that belong together, left out where the column's protocol has no such thing. */
  group(name: string, section: string, protocols: readonly Protocol[], cases: () => void): void {
    if (protocols.includes(this.column.protocol)) describe(`${name} (${section})`, cases)
  }

  async #listen(options: ServerOptions): Promise<Running> {
    return new Running(this.column, await this.column.listen(options), options.limits ?? {})
  }
}
