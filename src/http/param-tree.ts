/**
 * Nested parameters: how names such as `user[roles][]` make lists and maps of flat pairs, one pair at a time.
 *
 * A name nests only if it ends in "]" and has a "[" that is not its first character. What is before that "[" is the first
 * key; the keys inside are separated by "]["; an empty one is a list entry. Everything else is a literal name.
 *
 * Of all that was given for one place the newest decides whether it is a value, a list or a map; entries of the other
 * kinds do not count. Maps have no prototype, so that `__proto__` is a key like any other.
 */

/** A parameter as it was sent, or a map or list of such. `V` is what single values are. */
export type Param<V> = V | Param<V>[] | ParamMap<V>
export interface ParamMap<V> {
  [name: string]: Param<V>
}

/** A name nests deeper than the tree allows. */
export class ParamDepthError extends Error {
  override readonly name = "ParamDepthError"
  constructor(name: string, maxDepth: number) {
    super(`${shownName(name)} nests deeper than ${maxDepth} levels`)
  }
}

/** A name as a message may show it: quoted, control characters escaped, cut. */
export function shownName(name: string): string {
  return JSON.stringify(name.length > 64 ? name.slice(0, 64) + "…" : name)
}

/** A place that has had a map or a list. The newest entry sets `kind`. */
class Place<V> {
  kind: "value" | "map" | "list" = "map"
  value: V | undefined = undefined
  map: Entries<V> | undefined = undefined
  list: (V | Place<V>)[] | undefined = undefined
  /** What `name[][…]` leads to: one place, however often it is named. */
  inner: Place<V> | undefined = undefined
}
type Entries<V> = Record<string, V | Place<V>>

const empty = (): Record<string, never> => Object.create(null)

/**
 * Collects pairs; `done` gives the map of them. Values are taken as they are.
 *
 * @example
 * const tree = new ParamTree<number>()
 * tree.put("a[b]", 1)
 * tree.put("a[c][]", 2)
 * tree.done() //=> { a: { b: 1, c: [2] } }
 */
export class ParamTree<V> {
  readonly #root: Entries<V> = empty()
  readonly #maxDepth: number
  #nested = false

  /** `maxDepth`: how many brackets a name may have; more is a ParamDepthError. */
  constructor(maxDepth = 32) {
    this.#maxDepth = maxDepth
  }

  put(name: string, value: V): void {
    const open = name.charCodeAt(name.length - 1) === 0x5d ? name.indexOf("[") : -1
    if (open <= 0) {
      putInMap(this.#root, name, value)
      return
    }
    const keys = name.slice(open + 1, -1).split("][", this.#maxDepth + 1)
    if (keys.length > this.#maxDepth) throw new ParamDepthError(name, this.#maxDepth)
    this.#nested = true
    let place = placeInMap(this.#root, name.slice(0, open))
    const last = keys.length - 1
    for (let i = 0; i < last; i++) place = descend(place, keys[i]!)
    insert(place, keys[last]!, value)
  }

  /** The map of everything that was put; the tree is then used up. */
  done(): ParamMap<V> {
    return this.#nested ? finishMap(this.#root) : (this.#root as ParamMap<V>)
  }
}

function putInMap<V>(map: Entries<V>, key: string, value: V): void {
  const present = map[key]
  if (present instanceof Place) {
    present.kind = "value"
    present.value = value
  } else map[key] = value
}

function placeInMap<V>(map: Entries<V>, key: string): Place<V> {
  const present = map[key]
  if (present instanceof Place) return present
  return (map[key] = new Place<V>())
}

function descend<V>(place: Place<V>, key: string): Place<V> {
  if (key !== "") {
    place.kind = "map"
    place.map ??= empty()
    return placeInMap(place.map, key)
  }
  place.kind = "list"
  if (place.inner === undefined) {
    place.inner = new Place()
    place.list ??= []
    place.list.push(place.inner)
  }
  return place.inner
}

function insert<V>(place: Place<V>, key: string, value: V): void {
  if (key !== "") {
    place.kind = "map"
    putInMap((place.map ??= empty()), key, value)
    return
  }
  place.kind = "list"
  place.list ??= []
  place.list.push(value)
}

function finish<V>(entry: V | Place<V>): Param<V> {
  if (!(entry instanceof Place)) return entry
  if (entry.kind === "value") return entry.value as V
  return entry.kind === "list" ? entry.list!.map(finish) : finishMap(entry.map!)
}

function finishMap<V>(map: Entries<V>): ParamMap<V> {
  for (const key in map) map[key] = finish(map[key]!) as V
  return map as ParamMap<V>
}
