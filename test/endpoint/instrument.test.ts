import { AsyncLocalStorage } from "node:async_hooks"
import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel"
import fc from "fast-check"
import { type Conn, type Done, defineEndpoint, defineRouter, InvalidOptionError, UsageError } from "plumage"
import { client, conn } from "plumage/test"
import { afterEach, describe, expect, test, vi } from "vitest"
import {
  type CompileMetadata,
  defineInstrumentation,
  type Instrumenter,
  type InstrumentFailure,
  type InstrumentMessage,
  type InstrumentTold,
  instrument,
} from "../../src/endpoint/instrument.ts"
import { attachTelemetry } from "../../src/plugs/telemetry.ts"
import { errorOf, settled } from "../loose.ts"

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** What one function does, by name. */
const failure = new Error("fun")
const outcomes = {
  returns: () => 42,
  throws: () => {
    throw failure
  },
  resolves: async () => 42,
  rejects: async () => {
    throw failure
  },
} satisfies Record<string, () => unknown>
type Outcome = keyof typeof outcomes
const all = Object.keys(outcomes) as Outcome[]

/** How a function ends: what it gives or raises, at once or later. */
async function endOf(run: () => unknown): Promise<unknown[]> {
  let value: unknown
  try {
    value = run()
  } catch (error) {
    return ["throws", error]
  }
  if (!(value instanceof Promise)) return ["returns", value]
  return value.then(
    (result) => ["resolves", result],
    (error) => ["rejects", error],
  )
}

describe("an instrumented function", () => {
  test("runs between all starts and all stops, the stops in the order of the starts", () => {
    const seen: string[] = []
    const named = (name: string) => ({ e: (phase: string) => seen.push(`${phase} ${name}`) })
    const { instrument } = defineInstrumentation([named("a"), named("b"), named("c")])
    instrument("e", {}, () => seen.push("fun"))
    expect(seen).toEqual(["start a", "start b", "start c", "fun", "stop a", "stop b", "stop c"])
  })

  test("gives its start callbacks where it is and what is known, and its stop callbacks the time and their own start's result", () => {
    const a = vi.fn((phase: string, ..._: unknown[]): unknown => (phase === "start" ? { from: "a" } : "ignored"))
    const b = vi.fn((phase: string, ..._: unknown[]): unknown => (phase === "start" ? "from b" : "ignored"))
    const { instrument } = defineInstrumentation([{ e: a }, { e: b }])
    const runtime = { view: "index.html" }
    const compile: CompileMetadata = { module: "views", function: "render/2", file: "views.ts", line: 7 }
    instrument("e", runtime, () => undefined, compile)
    for (const callback of [a, b]) {
      expect(callback.mock.calls[0]).toEqual(["start", compile, runtime])
      expect(callback.mock.calls[0]![1]).toBe(compile)
      expect(callback.mock.calls[0]![2]).toBe(runtime)
      expect(callback.mock.calls[1]).toEqual(["stop", expect.any(Number), callback.mock.results[0]!.value])
      expect(callback.mock.calls[1]![2]).toBe(callback.mock.results[0]!.value)
      expect(callback).toHaveBeenCalledTimes(2)
    }
  })

  test("need not say where it is, nor that anything is known", () => {
    const callback = vi.fn()
    const { instrument } = defineInstrumentation([{ e: callback }])
    expect(instrument("e", () => 1)).toBe(1)
    expect(instrument("e", () => 2, { module: "m" })).toBe(2)
    const [, compile, runtime] = callback.mock.calls[0]!
    expect(runtime).toEqual({})
    expect([compile.module, compile.function, compile.file, compile.line]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(callback.mock.calls[2]).toEqual(["start", { module: "m" }, {}])
    // One object serves all who say nothing: nobody may write into it.
    expect([Object.isFrozen(compile), Object.isFrozen(runtime)]).toEqual([true, true])
  })

  test("is measured alone, after all starts and before any stop, in whole nanoseconds", async () => {
    vi.useFakeTimers({ toFake: ["performance"] })
    const diffs: unknown[] = []
    const slow = {
      e(phase: string, diff: unknown) {
        vi.advanceTimersByTime(phase === "start" ? 100 : 10)
        if (phase === "stop") diffs.push(diff)
      },
    }
    const { instrument } = defineInstrumentation([slow, slow])
    instrument("e", {}, () => vi.advanceTimersByTime(3))
    await instrument("e", {}, async () => {
      await undefined
      vi.advanceTimersByTime(4)
    })
    const thrown = () => {
      vi.advanceTimersByTime(5)
      throw failure
    }
    expect(errorOf(() => instrument("e", {}, thrown))).toBe(failure)
    expect(diffs).toEqual([3e6, 3e6, 4e6, 4e6, 5e6, 5e6])
  })

  test("takes a time that is a whole number and never below zero", () => {
    const diffs: number[] = []
    const { instrument } = defineInstrumentation([
      { e: (phase, diff) => phase === "stop" && diffs.push(diff as number) },
    ])
    for (let count = 0; count < 100; count++) instrument("e", {}, () => count)
    expect(diffs).toHaveLength(100)
    expect(diffs.filter((diff) => !Number.isSafeInteger(diff) || diff < 0)).toEqual([])
  })

  test("is run alone when nobody wants the event: not even a promise is wrapped", () => {
    const { instrument } = defineInstrumentation([{ other: () => undefined }])
    const promise = Promise.resolve(1)
    expect(instrument("e", {}, () => promise)).toBe(promise)
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what it is about
    const thenable = { then: vi.fn() }
    expect(instrument("e", {}, () => thenable)).toBe(thenable)
    expect(errorOf(() => instrument("e", {}, outcomes.throws))).toBe(failure)
  })

  test("that is async ends for its callbacks when it settles, and for whoever waits for it after them", async () => {
    const seen: string[] = []
    const { instrument } = defineInstrumentation([{ e: (phase: string) => seen.push(phase) }])
    let settle = (_: number) => {}
    const result = instrument("e", {}, () => new Promise<number>((resolve) => (settle = resolve)))
    void result.then(() => seen.push("waited"))
    await settled()
    expect(seen).toEqual(["start"])
    settle(7)
    expect(await result).toBe(7)
    expect(seen).toEqual(["start", "stop", "waited"])
  })

  test("that gives a thenable has ended: to wait for one may be to start it", () => {
    const seen: string[] = []
    const { instrument } = defineInstrumentation([{ e: (phase: string) => seen.push(phase) }])
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what it is about
    const query = { then: vi.fn() }
    expect(instrument("e", {}, () => query)).toBe(query)
    expect(query.then).not.toHaveBeenCalled()
    expect(seen).toEqual(["start", "stop"])
  })

  test("that rejects where nobody waits is an unhandled rejection, as without instrumentation", async () => {
    const listeners = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection")
    const unhandled: unknown[] = []
    process.on("unhandledRejection", (reason) => unhandled.push(reason))
    try {
      const { instrument } = defineInstrumentation([{ e: () => undefined }])
      void instrument("e", {}, outcomes.rejects)
      const channel = tracingChannel<InstrumentMessage>("plumage:e2")
      const subscribers = { end: () => undefined }
      channel.subscribe(subscribers as never)
      void instrument("e2", {}, outcomes.rejects)
      channel.unsubscribe(subscribers as never)
      await settled()
      expect(unhandled).toEqual([failure, failure])
    } finally {
      process.removeAllListeners("unhandledRejection")
      for (const listener of listeners) process.on("unhandledRejection", listener)
    }
  })

  test("may be instrumented within another, and within a callback", () => {
    const seen: string[] = []
    const { instrument } = defineInstrumentation([
      {
        outer: (phase: string) =>
          void seen.push(
            `outer ${phase}`,
            instrument("inner", () => "x"),
          ),
        inner: (phase: string) => seen.push(`inner ${phase}`),
      },
    ])
    expect(instrument("outer", {}, () => instrument("inner", {}, () => 1))).toBe(1)
    const inner = ["inner start", "inner stop"]
    expect(seen).toEqual([...inner, "outer start", "x", ...inner, ...inner, "outer stop", "x"])
  })

  test("ends as it would alone, whatever its callbacks do, and each of them is called twice", async () => {
    const acts = fc.constantFrom("returns", "throws", "rejects" as const)
    const one = fc.record({ start: acts, stop: acts })
    await fc.assert(
      fc.asyncProperty(
        fc.array(one, { maxLength: 4 }),
        fc.constantFrom(...all),
        fc.boolean(),
        async (plan, outcome, traced) => {
          const seen: unknown[] = []
          const told: unknown[] = []
          const instrumenters = plan.map((acts, at) => ({
            e(phase: "start" | "stop", _: unknown, startResult: unknown) {
              seen.push(phase === "start" ? [phase, at] : [phase, at, startResult])
              const act = acts[phase]
              const result = `${phase} ${at}`
              if (act === "throws") throw result
              return act === "rejects" ? Object.assign(Promise.reject(result), { at }) : result
            },
          }))
          const onError = (error: unknown, failure: InstrumentFailure) => {
            told.push([error, failure.phase, instrumenters.indexOf(failure.instrumenter as never), failure.event])
            return `told of ${error}`
          }
          const { instrument } = defineInstrumentation(instrumenters, { onError })
          const detach = traced
            ? attachTelemetry("tracing:plumage:e:start", () => seen.push("traced"))
            : () => undefined
          const run = () => {
            seen.push("fun")
            return outcomes[outcome]()
          }
          expect(await endOf(() => instrument("e", {}, run))).toEqual(await endOf(outcomes[outcome]))
          detach()
          await settled()
          const startResult = ({ start }: (typeof plan)[number], at: number) => {
            if (start === "rejects") return expect.objectContaining({ at })
            return start === "throws" ? `told of start ${at}` : `start ${at}`
          }
          const traces = traced ? ["traced"] : []
          const starts = plan.map((_, at) => ["start", at])
          const stops = plan.map((acts, at) => ["stop", at, startResult(acts, at)])
          expect(seen).toEqual([...traces, ...starts, "fun", ...stops])
          const failing = (["start", "stop"] as const).flatMap((phase) =>
            plan.flatMap((acts, at) => (acts[phase] === "returns" ? [] : [[`${phase} ${at}`, phase, at, "e"]])),
          )
          expect(told).toHaveLength(failing.length)
          expect(told).toEqual(expect.arrayContaining(failing))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe("a callback that fails", () => {
  const stderr = () => vi.spyOn(console, "error").mockImplementation(() => undefined)

  test("at both phases is logged twice, and is called at stop with what logging at start gave", () => {
    const logged = stderr()
    const phases: unknown[] = []
    const bad = {
      e(...told: unknown[]) {
        phases.push(told)
        throw failure
      },
    }
    expect(defineInstrumentation([bad]).instrument("e", {}, () => 1)).toBe(1)
    expect(phases).toEqual([
      ["start", {}, {}],
      ["stop", expect.any(Number), undefined],
    ])
    expect(logged.mock.calls).toEqual([
      ["Instrumenter instrumenters[0].e failed at start:", failure],
      ["Instrumenter instrumenters[0].e failed at stop:", failure],
    ])
  })

  test("gets at stop what onError gave at start", () => {
    const results: unknown[] = []
    const bad = {
      e(phase: string, _: unknown, startResult: unknown) {
        if (phase === "start") throw failure
        results.push(startResult)
      },
    }
    defineInstrumentation([bad], { onError: () => "ok" }).instrument("e", {}, () => 1)
    expect(results).toEqual(["ok"])
  })

  test("is logged with the name of its class", () => {
    const logged = stderr()
    class Metrics {
      e() {
        throw failure
      }
    }
    defineInstrumentation([new Metrics()]).instrument("e", {}, () => 1)
    expect(logged.mock.calls[0]![0]).toBe("Instrumenter Metrics.e failed at start:")
  })

  test("with what cannot be printed changes nothing either", () => {
    const lines: unknown[] = []
    vi.spyOn(console, "error").mockImplementation((line, error) => {
      if (typeof error !== "string") throw new Error("cannot be printed")
      lines.push([line, error])
    })
    const bad = {
      e() {
        throw { toString: null }
      },
    }
    expect(defineInstrumentation([bad]).instrument("e", {}, () => 1)).toBe(1)
    expect(lines[0]).toEqual([
      "Instrumenter instrumenters[0].e failed at start:",
      "a thrown object that cannot be printed",
    ])
  })

  test.each([
    ["throws", () => errorOf(outcomes.throws) && outcomes.throws()],
    ["rejects", outcomes.rejects],
  ])("and whose onError %s is logged; nobody else hears of it", async (_, onError) => {
    const logged = stderr()
    const bad = { e: outcomes.throws }
    expect(defineInstrumentation([bad], { onError }).instrument("e", {}, () => 1)).toBe(1)
    await settled()
    expect(logged.mock.calls).toEqual(
      Array.from({ length: 2 }, () => ["onError of the instrumentation failed:", failure]),
    )
  })

  test("later, because it is async, is told; its promise was the start's result and nobody waited for it", async () => {
    const told = vi.fn()
    const results: unknown[] = []
    const late = {
      async e(phase: string, _: unknown, startResult: unknown) {
        if (phase === "stop") return results.push(startResult)
        await undefined
        throw failure
      },
    }
    const { instrument } = defineInstrumentation([late], { onError: told })
    expect(instrument("e", {}, () => 1)).toBe(1)
    expect(results).toEqual([expect.any(Promise)])
    expect(told).not.toHaveBeenCalled()
    await settled()
    expect(told.mock.calls).toEqual([
      [failure, { instrumenter: late, event: "e", phase: "start", name: "instrumenters[0].e" }],
    ])
  })
})

describe("the functions of an instrumenter", () => {
  test("are all there are: no logger is put in front of them, as Phoenix did until 1.3", () => {
    const { has } = defineInstrumentation()
    const defaults = ["call", "render"].map((name) => `phoenix_controller_${name}`)
    expect([...defaults, "phoenix_channel_join", "phoenix_channel_receive"].filter(has)).toEqual([])
  })

  test("are those of objects, classes and modules, and are called as methods", async () => {
    const seen: unknown[] = []
    class Base {
      protected readonly name: string = "base"
      inherited(phase: string) {
        seen.push(`${phase} ${this.name}`)
      }
      overridden() {
        seen.push("never")
      }
    }
    class Metrics extends Base {
      protected override readonly name = "metrics"
      override overridden() {
        seen.push("own")
      }
    }
    const { instrument, has } = defineInstrumentation([new Metrics()])
    instrument("inherited", {}, () => 1)
    instrument("overridden", {}, () => 1)
    expect(seen).toEqual(["start metrics", "stop metrics", "own", "own"])
    expect(["inherited", "overridden", "name", "constructor", "toString"].map(has)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    const module: object = await import("../../src/endpoint/instrument.ts")
    expect(defineInstrumentation([module]).has("defineInstrumentation")).toBe(true)
    const bare = Object.assign(Object.create(null), { e: () => undefined })
    expect(defineInstrumentation([bare]).has("e")).toBe(true)
  })

  test("are looked up once: later changes of the object or the list are not seen, and of getters only own ones are run, once", () => {
    const first = vi.fn()
    const second = vi.fn()
    const getter = vi.fn(() => first)
    class Base {
      get inherited() {
        throw failure
      }
    }
    const metrics = Object.assign(new Base(), { e: first })
    // Of getters modules are made.
    Object.defineProperty(metrics, "got", { get: getter, enumerable: true })
    const list: Instrumenter[] = [metrics]
    const { instrument, has } = defineInstrumentation(list)
    metrics.e = second
    Object.assign(metrics, { late: second })
    list.push({ e: second })
    instrument("e", {}, () => 1)
    instrument("got", {}, () => 1)
    expect([first.mock.calls.length, second.mock.calls.length, getter.mock.calls.length]).toEqual([4, 0, 1])
    expect(["late", "got", "inherited"].map(has)).toEqual([false, true, false])
  })

  test("of an instrumenter that is listed twice are called twice", () => {
    const e = vi.fn()
    const metrics = { e }
    defineInstrumentation([metrics, metrics]).instrument("e", {}, () => 1)
    expect(e).toHaveBeenCalledTimes(4)
  })

  test("may have any name, even that of a property of all objects", () => {
    const { instrument, has } = defineInstrumentation([{ ["__proto__"]: vi.fn(), valueOf: vi.fn() } as Instrumenter])
    expect([has("__proto__"), has("valueOf"), has("hasOwnProperty")]).toEqual([true, true, false])
    expect(instrument("hasOwnProperty", () => 1)).toBe(1)
  })
})

describe("the tracing channel of an event", () => {
  const parts = ["start", "end", "asyncStart", "asyncEnd", "error"] as const
  /** Subscribes to everything; gives what came and how to stop it. */
  function listen(name: string) {
    const seen: unknown[] = []
    const messages = new Set<unknown>()
    const channel = tracingChannel(name)
    const subscribers = Object.fromEntries(
      parts.map((part) => [
        part,
        (message: any) => {
          messages.add(message)
          seen.push([part, "result" in message, message.result, "error" in message, message.error])
        },
      ]),
    )
    channel.subscribe(subscribers as never)
    return { seen, messages, stop: () => void channel.unsubscribe(subscribers as never) }
  }

  test.each(all)("tells of a function that %s what Node's own tracing tells of it", async (outcome) => {
    const ours = listen("plumage:traced")
    const nodes = listen("oracle")
    const { instrument } = defineInstrumentation()
    const oracle = tracingChannel("oracle")
    const isAsync = outcome === "resolves" || outcome === "rejects"
    const run = outcomes[outcome] as () => any
    try {
      const end = await endOf(() => instrument("traced", {}, run))
      expect(await endOf(() => (isAsync ? oracle.tracePromise(run, {}) : oracle.traceSync(run, {})))).toEqual(end)
      expect(end[0]).toBe(outcome)
      expect(ours.seen).toEqual(nodes.seen)
      expect(ours.seen.length).toBe({ returns: 2, throws: 3, resolves: 4, rejects: 5 }[outcome])
      expect([ours.messages.size, nodes.messages.size]).toEqual([1, 1])
    } finally {
      ours.stop()
      nodes.stop()
    }
  })

  test("carries the event, where it is, and what is known", () => {
    const got = listen("plumage:carried")
    const runtime = { view: "a" }
    const compile = { module: "m" }
    try {
      defineInstrumentation().instrument("carried", runtime, () => 5, compile)
    } finally {
      got.stop()
    }
    const [message] = [...got.messages] as [InstrumentMessage]
    expect(message).toEqual({ event: "carried", compile, runtime, result: 5 })
    expect(message.runtime).toBe(runtime)
  })

  test("is around the callbacks, and `has` knows of its subscribers", () => {
    const seen: string[] = []
    const { instrument, has } = defineInstrumentation([{ a: (phase: string) => seen.push(phase) }])
    expect([has("a"), has("b")]).toEqual([true, false])
    const detach = ["a", "b"].flatMap((event) =>
      ["start", "end"].map((part) =>
        attachTelemetry(`tracing:plumage:${event}:${part}`, () => seen.push(`${event}:${part}`)),
      ),
    )
    expect([has("a"), has("b")]).toEqual([true, true])
    instrument("a", {}, () => seen.push("fun"))
    instrument("b", {}, () => seen.push("fun"))
    for (const one of detach) one()
    expect(seen).toEqual(["a:start", "start", "fun", "stop", "a:end", "b:start", "fun", "b:end"])
    expect([has("a"), has("b")]).toEqual([true, false])
    instrument("b", {}, () => seen.push("alone"))
    expect(seen.slice(8)).toEqual(["alone"])
  })

  test.each(parts)("is told to whoever subscribes to %s alone", async (part) => {
    const seen: unknown[] = []
    const detach = attachTelemetry(`tracing:plumage:part:${part}`, () => seen.push(part))
    const { instrument } = defineInstrumentation()
    for (const outcome of all) await endOf(() => instrument("part", outcomes[outcome] as () => unknown))
    detach()
    const counts = { start: 4, end: 4, asyncStart: 2, asyncEnd: 2, error: 2 }
    expect(seen).toHaveLength(counts[part])
  })

  test("binds stores for the function, what follows its awaits, and the callbacks", async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { start } = tracingChannel<string, InstrumentMessage>("plumage:bound")
    start.bindStore(storage, ({ event }) => `span of ${event}`)
    try {
      const { instrument } = defineInstrumentation([{ bound: (phase: string) => seen.push(phase, storage.getStore()) }])
      const run = async () => {
        await undefined
        return storage.getStore()
      }
      expect(await instrument("bound", {}, run)).toBe("span of bound")
      expect(seen).toEqual(["start", "span of bound", "stop", "span of bound"])
      expect(storage.getStore()).toBeUndefined()
    } finally {
      start.unbindStore(storage)
    }
  })

  test("is there for more events than are kept", () => {
    const { instrument, has } = defineInstrumentation()
    for (let count = 0; count < 2_000; count++) instrument(`event-${count}`, () => count)
    const seen: unknown[] = []
    const detach = attachTelemetry("tracing:plumage:event-1999:end", ({ result }) => seen.push(result))
    expect(has("event-1999")).toBe(true)
    expect(instrument("event-1999", () => "x")).toBe("x")
    detach()
    expect(seen).toEqual(["x"])
  })

  test.each(parts)("whose subscriber to %s throws changes nothing; Node raises it a tick later", async (part) => {
    const uncaught = await uncaughtDuring(async () => {
      const seen: unknown[] = []
      const name = `tracing:plumage:thrown:${part}`
      const failing = () => {
        throw new Error(part)
      }
      const after = () => seen.push(part)
      subscribe(name, failing)
      subscribe(name, after)
      const callback = vi.fn()
      const { instrument } = defineInstrumentation([{ thrown: callback }])
      for (const outcome of all) {
        const run = outcomes[outcome] as () => unknown
        expect(await endOf(() => instrument("thrown", {}, run))).toEqual(await endOf(run))
      }
      expect(callback).toHaveBeenCalledTimes(8)
      unsubscribe(name, failing)
      unsubscribe(name, after)
      return seen.length
    })
    expect(uncaught.errors.map((error) => (error as Error).message)).toEqual(Array(uncaught.value).fill(part))
    expect(uncaught.value).toBeGreaterThan(0)
  })

  test("whose store cannot be made runs the function without it", async () => {
    const storage = new AsyncLocalStorage<string>()
    const { start } = tracingChannel<string, InstrumentMessage>("plumage:unbound")
    start.bindStore(storage, () => {
      throw failure
    })
    const { value, errors } = await uncaughtDuring(async () => defineInstrumentation().instrument("unbound", () => 3))
    start.unbindStore(storage)
    expect([value, errors]).toEqual([3, [failure]])
  })

  /** What a function gives, and the uncaught exceptions meanwhile. */
  async function uncaughtDuring<T>(run: () => Promise<T>) {
    const listeners = process.listeners("uncaughtException")
    process.removeAllListeners("uncaughtException")
    const errors: unknown[] = []
    process.on("uncaughtException", (error) => errors.push(error))
    try {
      const value = await run()
      await settled()
      return { value, errors }
    } finally {
      process.removeAllListeners("uncaughtException")
      for (const listener of listeners) process.on("uncaughtException", listener)
    }
  }
})

describe("instrument", () => {
  const callback = vi.fn((phase: string, ..._: unknown[]) => phase)
  const instrumentation = defineInstrumentation([{ e: callback }])
  afterEach(() => void callback.mockClear())

  test("uses the instrumentation of the conn's endpoint", () => {
    const instrumented = conn("GET", "/").putPrivate("plumage_instrumentation", instrumentation)
    const compile = { module: "m" }
    expect(instrument(instrumented, "e", { a: 1 }, () => 1, compile)).toBe(1)
    expect(instrument(instrumented, "e", () => 2, compile)).toBe(2)
    expect(callback.mock.calls.map(([phase, ...told]) => [phase, told[0]])).toEqual([
      ["start", compile],
      ["stop", expect.any(Number)],
      ["start", compile],
      ["stop", expect.any(Number)],
    ])
    expect(errorOf(() => instrument(instrumented, "e", {}, outcomes.throws))).toBe(failure)
  })

  test("runs the function alone where there is none", () => {
    const promise = Promise.resolve()
    expect(instrument(conn("GET", "/"), "e", {}, () => promise)).toBe(promise)
    expect(instrument(conn("GET", "/"), "e", () => 2)).toBe(2)
    expect(errorOf(() => instrument(conn("GET", "/"), "e", {}, outcomes.throws))).toBe(failure)
    expect(callback).not.toHaveBeenCalled()
  })

  test("lets an action of a real endpoint be measured; one that fails is answered as ever", async () => {
    const seen: unknown[] = []
    const onError = vi.fn()
    const metrics: Instrumenter = {
      phoenix_controller_call(...[phase, first, second]: InstrumentTold<"phoenix_controller_call">) {
        seen.push(phase === "start" ? second.conn.path : [first, second])
        if (phase === "start") return second.conn.method
        throw failure
      },
    }
    const instrumentation = defineInstrumentation([metrics], { onError })
    const measured = (action: (conn: Conn) => Done | Promise<Done>) => (conn: Conn) =>
      instrument(conn, "phoenix_controller_call", { conn }, () => action(conn))
    const endpoint = defineEndpoint({ onError: () => undefined })
      .plug((conn) => conn.putPrivate("plumage_instrumentation", instrumentation))
      .router(
        defineRouter((r) => [
          r.get(
            "/sync",
            measured((conn) => conn.text("sync")),
          ),
          r.post(
            "/async",
            measured(async (conn) => conn.text("async")),
          ),
          r.get(
            "/fails",
            measured(() => outcomes.rejects()),
          ),
        ]),
      )
    const { get, post } = client(endpoint)
    expect(await (await get("/sync")).text()).toBe("sync")
    expect(await (await post("/async")).text()).toBe("async")
    expect((await get("/fails")).status).toBe(500)
    await settled()
    const diff = expect.any(Number)
    expect(seen).toEqual(["/sync", [diff, "GET"], "/async", [diff, "POST"], "/fails", [diff, "GET"]])
    expect(onError).toHaveBeenCalledTimes(3)
  })

  test("takes an instrumentation itself", () => {
    expect(instrument(instrumentation, "e", { a: 1 }, () => 1)).toBe(1)
    expect(callback).toHaveBeenCalledTimes(2)
  })
})

test("what is no list of objects, and other options, are not taken", () => {
  const wrong: [run: () => unknown, where: string][] = [
    [() => defineInstrumentation({} as never), "instrumenters"],
    [() => defineInstrumentation("Metrics" as never), "instrumenters"],
    [() => defineInstrumentation([{}, "Metrics" as never]), "instrumenters[1]"],
    [() => defineInstrumentation([null as never]), "instrumenters[0]"],
    [() => defineInstrumentation([(() => 1) as never]), "instrumenters[0]"],
    [() => defineInstrumentation([], { onError: true as never }), "onError"],
    [() => defineInstrumentation([], { log: true } as never), "log"],
  ]
  for (const [run, where] of wrong) {
    const error = errorOf(run)
    expect(error, where).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toContain(where)
  }
})

test("an event without a name, metadata that are no object and what is no function are usage errors, heard or not", () => {
  for (const instrumenters of [[], [{ e: () => undefined }]]) {
    const instrumentation = defineInstrumentation(instrumenters)
    const called = instrumentation.instrument as (...given: unknown[]) => unknown
    const wrong = [
      [Symbol("e"), {}, () => 1],
      ["", {}, () => 1],
      ["e", null, () => 1],
      ["e", "x", () => 1],
      ["e", {}],
      ["e", {}, 1],
      ["e"],
    ]
    for (const given of wrong) expect(errorOf(() => called(...given))).toBeInstanceOf(UsageError)
    expect(errorOf(() => (instrument as any)(conn("GET", "/"), "e", {})).message).toContain(
      "got string, object, undefined",
    )
  }
})

test("the types hold", () => expect(types).toBeTypeOf("function"))

/** Never called: every line below a ts-expect-error must not compile. */
const types = () => {
  const { instrument: run } = defineInstrumentation([
    {
      phoenix_channel_join: (phase, first) => [
        phase satisfies "start" | "stop",
        first satisfies CompileMetadata | number,
      ],
      phoenix_controller_render(...[phase, first, second]: InstrumentTold<"phoenix_controller_render">) {
        if (phase === "start") {
          // @ts-expect-error a line, where there is one, is a number
          first.line satisfies string | undefined
          return second.template.length
        }
        // @ts-expect-error after the event nothing is known of it
        second.template
        return first.toFixed()
      },
      own_event: (phase) => phase.length,
      other_event(...[phase, first]: InstrumentTold<"other_event">) {
        return phase === "stop" ? first.toFixed() : undefined
      },
    },
  ])
  class Metrics {
    count = 0
    phoenix_channel_join(_: "start" | "stop", ...told: unknown[]) {
      this.count += told.length
    }
  }
  defineInstrumentation([{ count: 0, phoenix_channel_join: () => undefined }])
  class OwnEvents {
    render_view() {}
  }
  defineInstrumentation([new Metrics(), new OwnEvents()] as const)
  // @ts-expect-error the first of what a callback is told is a phase
  defineInstrumentation([{ phoenix_controller_call: (phase: number) => phase }])
  // @ts-expect-error the conn is in an object
  defineInstrumentation([{ phoenix_controller_call: (_: string, __: unknown, runtime: string) => runtime }])
  // @ts-expect-error an instrumenter is an object
  defineInstrumentation(["Metrics"])

  const text: string = run("own_event", { a: 1 }, () => "x")
  const later: Promise<number> = run("own_event", async () => 1)
  run("phoenix_controller_call", { conn: conn("GET", "/") }, () => 1)
  run("phoenix_channel_receive", { socket: {}, params: {}, event: "e", ref: null }, () => 1)
  // @ts-expect-error what is known of this event is not left out
  run("phoenix_controller_call", () => 1)
  // @ts-expect-error a template has a format
  run("phoenix_controller_render", { template: "index.html" }, () => 1)
  // @ts-expect-error a function has no parameters
  run("own_event", {}, (one: number) => one)
  // @ts-expect-error metadata are an object
  run("own_event", "x", () => 1)
  // @ts-expect-error what is known of this event is not left out
  instrument(conn("GET", "/"), "phoenix_controller_call", () => 1)
  const given: number = instrument(conn("GET", "/"), "own_event", () => 1)
  // @ts-expect-error only a conn or an instrumentation knows one
  instrument({}, "own_event", () => 1)
  return [text, later, given]
}
