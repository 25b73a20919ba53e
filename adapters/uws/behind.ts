/**
 * The rest of a request's body that arrives behind its answer: read and thrown away, within bounds.
 */
import type { NativeResponse } from "./binding.ts"
import type { House, Watched } from "./house.ts"
import type { Intake } from "./intake.ts"

/** Ends the connection when too much arrives, or for too long; the answer has long been read by then. */
export class Behind implements Watched {
  readonly #house: House
  readonly #intake: Intake
  readonly #totalBefore: number
  readonly #since = performance.now()
  /** A second handle on the connection: the first one died with the answer. */
  #spare: NativeResponse | undefined

  constructor(house: House, intake: Intake, spare: NativeResponse) {
    this.#house = house
    this.#intake = intake
    this.#totalBefore = intake.total
    this.#spare = spare
    spare.onAborted(() => this.#forget())
    house.watch(this)
  }

  arrived(last: boolean): void {
    if (last) this.#forget()
    else if (this.#intake.total - this.#totalBefore > this.#house.limits.drainBytes) this.#cut()
  }

  look(now: number): void {
    if (now - this.#since > this.#house.limits.requestTimeout) this.#cut()
  }

  #forget(): void {
    this.#spare = undefined
    this.#house.unwatch(this)
  }

  /** Not at once: the library may be at work on the connection just now. */
  #cut(): void {
    setImmediate(() => {
      const spare = this.#spare
      this.#forget()
      spare?.close()
    })
  }
}
