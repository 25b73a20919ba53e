import fc from "fast-check"
import { afterEach, describe, expect, test, vi } from "vitest"
import { httpDate, nowHttpDate, parseHttpDate } from "../../src/http/date.ts"

const moment = fc.integer({ min: 0, max: 253_402_300_799 }).map((second) => second * 1000)
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const two = (n: number) => String(n).padStart(2, "0")

describe("httpDate", () => {
  test("writes an IMF-fixdate of fixed width", () => {
    expect(httpDate(Date.UTC(2010, 3, 7, 4, 5, 6))).toBe("Wed, 07 Apr 2010 04:05:06 GMT")
    fc.assert(
      fc.property(moment, (ms) => {
        expect(httpDate(ms)).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
      }),
    )
  })

  test("takes what no date can name as the nearest that it can, and refuses NaN", () => {
    expect(httpDate(Number.POSITIVE_INFINITY)).toBe("Fri, 31 Dec 9999 23:59:59 GMT")
    expect(httpDate(-1e15)).toBe("Sat, 01 Jan 0000 00:00:00 GMT")
    expect(() => httpDate(Number.NaN)).toThrow(RangeError)
  })
})

describe("parseHttpDate", () => {
  test("reads what httpDate writes", () => {
    fc.assert(
      fc.property(moment, (ms) => {
        expect(parseHttpDate(httpDate(ms))).toBe(ms)
      }),
    )
  })

  test("reads the two obsolete forms of any moment", () => {
    fc.assert(
      fc.property(moment, (ms) => {
        const date = new Date(ms)
        const [day, month, time] = [date.getUTCDate(), httpDate(ms).slice(8, 11), httpDate(ms).slice(17, 25)]
        const weekday = days[date.getUTCDay()]!
        const year = String(date.getUTCFullYear()).padStart(4, "0")
        expect(parseHttpDate(`${weekday.slice(0, 3)} ${month} ${String(day).padStart(2)} ${time} ${year}`)).toBe(ms)
        expect(parseHttpDate(`${weekday}, ${two(day)}-${month}-${year.slice(2)} ${time} GMT`, ms)).toBe(ms)
      }),
    )
  })

  test("takes a year of two digits as at most 50 years from now", () => {
    const now = Date.UTC(2026, 0, 1)
    const year = (digits: string) =>
      new Date(parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now)!).getUTCFullYear()
    expect([year("94"), year("26"), year("76"), year("77"), year("00")]).toEqual([1994, 2026, 2076, 1977, 2000])
  })

  test("is undefined for days that do not exist and texts that are no date", () => {
    for (const text of [
      "",
      "Sun, 31 Feb 2021 00:00:00 GMT",
      "Sun, 00 Jan 2021 00:00:00 GMT",
      "Sun, 01 Foo 2021 00:00:00 GMT",
      "Sun, 01 Jan 2021 24:00:00 GMT",
      "Sun, 01 Jan 2021 00:60:00 GMT",
      "Sun, 01 Jan 2021 00:00:61 GMT",
      "Sun, 01 Jan 2021 00:00:00 UTC",
      "Sun, 1 Jan 2021 00:00:00 GMT",
      "Sun, 01 Jan 2021 00:00:00 GMT ",
      "sun, 01 jan 2021 00:00:00 gmt",
      "2021-01-01T00:00:00Z",
      "1609459200",
    ]) {
      expect(parseHttpDate(text), text).toBeUndefined()
    }
  })

  test("counts a leap second as the one after, and knows leap days", () => {
    expect(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT")).toBe(Date.UTC(2017, 0, 1))
    expect(parseHttpDate("Sat, 29 Feb 2020 00:00:00 GMT")).toBe(Date.UTC(2020, 1, 29))
    expect(parseHttpDate("Mon, 29 Feb 2021 00:00:00 GMT")).toBeUndefined()
  })
})

describe("nowHttpDate", () => {
  afterEach(() => void vi.useRealTimers())

  test("follows the clock, one text a second, and starts no timer", () => {
    vi.useFakeTimers()
    vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 0, 0, 100))
    expect(nowHttpDate()).toBe("Thu, 01 Jan 2026 00:00:00 GMT")
    vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 0, 0, 999))
    expect(nowHttpDate()).toBe("Thu, 01 Jan 2026 00:00:00 GMT")
    vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 0, 1, 0))
    expect(nowHttpDate()).toBe("Thu, 01 Jan 2026 00:00:01 GMT")
    vi.setSystemTime(Date.UTC(2025, 0, 1))
    expect(nowHttpDate()).toBe("Wed, 01 Jan 2025 00:00:00 GMT")
    expect(vi.getTimerCount()).toBe(0)
  })
})
