/** Holds the shape of the house (DESIGN.md §2) by reading what every file imports. */
import { basename, dirname } from "node:path"
import { describe, expect, test } from "vitest"
import { beside, codeLines, filesIn, floorOf, floors, type Import, importsOf, read, sources } from "./architecture.ts"

const src = sources("src")
const adapters = sources("adapters")
const imports = new Map([...src, ...adapters].map((path) => [path, importsOf(path)]))
const all = [...imports.values()].flat()
const shown = ({ from, to }: Import) => `${from} imports ${to}`
const wrong = (rule: (one: Import) => boolean, from: Import[] = all) => from.filter((one) => !rule(one)).map(shown)

/** The room of a path: the folder below `src` or `adapters`; "" for a file directly in it. */
const roomOf = (path: string) => path.split("/").slice(1, -1).join("/")
const inside = (folder: string) => (one: Import) => one.from.startsWith(`${folder}/`)

describe("the floors of src", () => {
  const ours = all.filter((one) => inside("src")(one) && one.kind === "ours")

  test("hold every room, and every file but index.ts is in one", () => {
    const rooms = new Set(src.map(roomOf))
    expect([...rooms].filter((room) => room !== "").sort()).toEqual([...Object.values(floors).flat(), ...beside].sort())
    expect(src.filter((path) => roomOf(path) === "")).toEqual(["src/index.ts"])
  })

  test("a room imports from lower floors, and from a room of its own floor only its main file", () => {
    const inRooms = ours.filter(({ from }) => from !== "src/index.ts")
    expect(
      wrong(({ from, to }) => {
        const [room, other] = [roomOf(from), roomOf(to)]
        if (room === other || floorOf(other) < floorOf(room)) return true
        return floorOf(other) === floorOf(room) && to === `src/${other}/${other}.ts`
      }, inRooms),
    ).toEqual([])
  })

  test("nothing imports index.ts, and nothing but itself imports the test kit", () => {
    expect(wrong(({ to }) => to !== "src/index.ts", ours)).toEqual([])
    expect(wrong(({ from, to }) => roomOf(to) !== "test" || roomOf(from) === "test", ours)).toEqual([])
  })

  test("src never imports adapters, tests or examples", () => {
    expect(wrong(({ to }) => to.startsWith("src/"), ours)).toEqual([])
  })

  test("only the plugs, the command line and the test kit do I/O: all others import three modules of the platform", () => {
    const mayDoIt = ["test", "plugs", "cli"]
    const platform = all.filter(
      (one) => inside("src")(one) && one.kind === "node" && !mayDoIt.includes(roomOf(one.from)),
    )
    expect(
      wrong(({ to }) => ["node:buffer", "node:crypto", "node:diagnostics_channel"].includes(to), platform),
    ).toEqual([])
  })

  test("are drawn in src/README.md as they are", () => {
    const drawn: Record<string, string[]> = {}
    for (const line of read("src/README.md").split("\n")) {
      const [, place, rest] = /^\s*(floor \d|beside)\s+(.*)$/.exec(line) ?? []
      if (place !== undefined) drawn[place] = [...rest!.matchAll(/([a-z-]+)\//g)].map((found) => found[1]!)
    }
    const table = Object.entries(floors).map(([floor, rooms]) => [`floor ${floor}`, [...rooms]])
    expect(drawn).toEqual({ ...Object.fromEntries(table), beside: [...beside] })
  })
})

describe("an adapter", () => {
  test("imports the contract, http/, files directly in adapters/, and itself; nothing else of ours", () => {
    const ours = all.filter((one) => inside("adapters")(one) && one.kind === "ours")
    expect(
      wrong(({ from, to }) => {
        if (to === "src/conn/adapter.ts" || to.startsWith("src/http/")) return true
        return to.startsWith("adapters/") && (roomOf(to) === "" || roomOf(to) === roomOf(from))
      }, ours),
    ).toEqual([])
  })

  test("what adapters share imports none of them", () => {
    const shared = all.filter(({ from, kind }) => dirname(from) === "adapters" && kind === "ours")
    expect(wrong(({ to }) => !to.startsWith("adapters/") || dirname(to) === "adapters", shared)).toEqual([])
  })
})

describe("libraries", () => {
  const { dependencies, devDependencies, peerDependencies = {} } = JSON.parse(read("package.json"))
  const used = new Map<string, Set<string>>()
  for (const { from, kind, to } of all) {
    if (kind === "library") used.set(to, (used.get(to) ?? new Set()).add(from))
  }

  test("each is imported in one file", () => {
    const many = [...used].filter(([, files]) => files.size > 1)
    expect(many.map(([library, files]) => `${library}: ${[...files].join(", ")}`)).toEqual([])
  })

  test("each is a dependency, or an optional peer, and not one for development alone", () => {
    const declared = { ...dependencies, ...peerDependencies }
    expect([...used.keys()].filter((library) => !(library in declared))).toEqual([])
    expect(Object.keys(dependencies).filter((library) => library in devDependencies)).toEqual([])
  })

  test("no platform module is imported without node:", () => {
    const bare = ["fs", "net", "http", "https", "http2", "tls", "crypto", "buffer", "events", "stream", "path", "url"]
    expect(wrong(({ to }) => !bare.includes(to))).toEqual([])
  })

  test("the README's table names the file of each", () => {
    const [, table = ""] = /## Dependencies\n([\s\S]*?)(?=\n## |$)/.exec(read("README.md")) ?? []
    const rows = [...table.matchAll(/^\| `([^`]+)` \|.*\| `([^`]+)` \|$/gm)].map(([, name, file]) => [name!, file!])
    expect(rows.length, "the README has a table of dependencies").toBeGreaterThan(0)
    for (const [name, file] of rows) {
      const [only] = [...(used.get(name!) ?? [])]
      expect(only?.startsWith(file!.replace(/\/$/, "")), `${name} in ${file}`).toBe(true)
    }
    expect(rows.map(([name]) => name).sort()).toEqual([...used.keys()].sort())
  })
})

describe("files", () => {
  const everything = [...src, ...adapters, ...sources("examples"), ...sources("test")]

  test("have names in kebab-case", () => {
    const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|test-d|browser\.test|http\.test))?\.ts$/
    expect(everything.filter((path) => !kebab.test(basename(path)))).toEqual([])
  })

  test("of src and adapters hold at most 250 lines of code", () => {
    expect(codeLines("/** Doc. */\nconst a = `1\n2` // three\n\n// four\n/* five */ a\n")).toBe(3)
    const long = [...src, ...adapters]
      .map((path) => [path, codeLines(read(path))] as const)
      .filter(([, lines]) => lines > 250)
    expect(long).toEqual([])
  })

  test("of more than three in a room have a README.md of 20 to 40 lines", () => {
    const rooms = new Map<string, number>()
    for (const path of [...src, ...adapters]) {
      const room = dirname(path)
      rooms.set(room, (rooms.get(room) ?? 0) + 1)
    }
    const readmes = [...filesIn("src"), ...filesIn("adapters")].filter((path) => basename(path) === "README.md")
    const big = [...rooms].filter(([room, files]) => files > 3 && room !== "adapters").map(([room]) => room)
    expect(big.filter((room) => !readmes.includes(`${room}/README.md`))).toEqual([])
    const lengths = readmes.map((path) => [path, read(path).trimEnd().split("\n").length] as const)
    expect(lengths.filter(([, lines]) => lines < 20 || lines > 40)).toEqual([])
  })

  test("begin with what they are: every file of src and adapters says so before or with its first declaration", () => {
    const silent = [...src, ...adapters].filter((path) => !/^\/\*\*/m.test(read(path)))
    expect(silent).toEqual([])
  })

  test("know no words that are not the field's", () => {
    const words = /\b(?:ctx|middleware|helpers?|(?<!node:)utils?(?!\.inspect)|managers?)\b/i
    const found = [...src, ...adapters, ...sources("examples")].flatMap((path) =>
      read(path)
        .split("\n")
        .flatMap((line, at) => (words.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
    )
    expect(found).toEqual([])
  })
})
