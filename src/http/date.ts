/**
 * Dates of HTTP (RFC 9110 §5.6.7), as milliseconds since the epoch. HTTP knows whole seconds.
 */

/** The first and last moment of the years 0000 to 9999, which are all that the format can name. */
const first = -62_167_219_200_000
const last = 253_402_300_799_999

/**
 * A moment as an IMF-fixdate. Years beyond 0000 and 9999 become the nearest that can be named; raises a RangeError when
 * `ms` is not a number.
 *
 * @example
 * httpDate(1271512800000) //=> "Sat, 17 Apr 2010 14:00:00 GMT"
 */
export function httpDate(ms: number): string {
  if (Number.isNaN(ms)) throw new RangeError("a date is a number of milliseconds, got NaN")
  return new Date(Math.max(first, Math.min(ms, last))).toUTCString()
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ( \d|\d\d) (\d\d):(\d\d):(\d\d) (\d{4})$/

/**
 * The moment of a date in any of the three forms that HTTP has had; undefined when it is none or there is no such day.
 *
 * The name of the weekday is not compared with the date. A year of two digits is the one that lies nearest before 50 years
 * from `now`.
 *
 * @example
 * parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT") //=> 784111777000
 * parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT") //=> 784111777000
 * parseHttpDate("Sun Nov  6 08:49:37 1994") //=> 784111777000
 * parseHttpDate("yesterday") //=> undefined
 */
export function parseHttpDate(text: string, now: number = Date.now()): number | undefined {
  let parts = fixdate.exec(text)
  if (parts !== null) return moment(Number(parts[3]), parts[2]!, parts[1]!, parts[4]!, parts[5]!, parts[6]!)
  parts = asctime.exec(text)
  if (parts !== null) return moment(Number(parts[6]), parts[1]!, parts[2]!, parts[3]!, parts[4]!, parts[5]!)
  parts = rfc850.exec(text)
  if (parts === null) return undefined
  const limit = new Date(now).getUTCFullYear() + 50
  const year = limit - ((((limit - Number(parts[3])) % 100) + 100) % 100)
  return moment(year, parts[2]!, parts[1]!, parts[4]!, parts[5]!, parts[6]!)
}

function moment(
  year: number,
  name: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | undefined {
  const month = months.indexOf(name)
  // 60 is a leap second (RFC 9110 §5.6.7), which is counted as the one after.
  if (month < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month, Number(day))
  if (date.getUTCDate() !== Number(day)) return undefined
  return date.setUTCHours(Number(hour), Number(minute), Number(second))
}

let second = Number.NaN
let text = ""

/** The `date` header of now, made once a second at most, without a timer. */
export function nowHttpDate(): string {
  const now = Math.floor(Date.now() / 1000)
  if (now !== second) {
    text = httpDate(now * 1000)
    second = now
  }
  return text
}
