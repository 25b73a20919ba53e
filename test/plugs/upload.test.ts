import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { InvalidOptionError, InvalidPathError } from "plumage"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { safeFilename, Upload, type UploadOwner } from "../../src/plugs/upload.ts"

vi.mock("node:fs/promises", { spy: true })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "upload-test-"))
})
afterEach(() => {
  vi.mocked(fs.link).mockReset()
  vi.mocked(fs.rename).mockReset()
  rmSync(folder, { recursive: true })
})

function uploaded(body = "hello", owner?: UploadOwner, filename = "a.txt"): Upload {
  const path = join(folder, "upload")
  writeFileSync(path, body, { mode: 0o600 })
  return new Upload({ path, filename, contentType: "text/plain", size: body.length }, owner)
}
/** Makes the upload lie on another disk than its target. */
const crossing = () => {
  const exdev = Object.assign(new Error("EXDEV"), { code: "EXDEV" })
  const failing = (real: (from: string, to: string) => void) => async (from: unknown, to: unknown) => {
    if (String(from).endsWith("upload")) throw exdev
    real(String(from), String(to))
  }
  vi.mocked(fs.link).mockImplementation(failing(linkSync))
  vi.mocked(fs.rename).mockImplementation(failing(renameSync))
}

describe.each([
  ["on one disk", () => undefined],
  ["to another disk", crossing],
])("moving an upload %s", (_, prepare) => {
  beforeEach(() => void prepare())

  test("takes the file there, still for its owner's eyes only", async () => {
    const upload = uploaded()
    const from = upload.path
    const target = join(folder, "kept")
    await upload.moveTo(target)
    expect(upload.path).toBe(target)
    expect(readFileSync(target, "utf8")).toBe("hello")
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(existsSync(from)).toBe(false)
    expect(readdirSync(folder)).toEqual(["kept"])
  })

  test("overwrites nothing and keeps the upload, unless it is told to", async () => {
    const target = join(folder, "kept")
    writeFileSync(target, "old")
    const upload = uploaded()
    await expect(upload.moveTo(target)).rejects.toMatchObject({ code: "EEXIST" })
    expect(readFileSync(target, "utf8")).toBe("old")
    expect(readFileSync(upload.path, "utf8")).toBe("hello")
    expect(readdirSync(folder).sort()).toEqual(["kept", "upload"])
  })

  test("to where no folder is fails, and leaves nothing", async () => {
    const upload = uploaded()
    await expect(upload.moveTo(join(folder, "missing", "x"))).rejects.toMatchObject({ code: expect.any(String) })
    expect(readdirSync(folder)).toEqual(["upload"])
  })
})

describe("an upload", () => {
  test("overwrites what is there where it is told to", async () => {
    const target = join(folder, "kept")
    writeFileSync(target, "old")
    await uploaded().moveTo(target, { overwrite: true })
    expect(readFileSync(target, "utf8")).toBe("hello")
    expect(readdirSync(folder)).toEqual(["kept"])
  })

  test("does not move by a path with .. in it, or by the client's name alone", async () => {
    const upload = uploaded("x", undefined, "../../x")
    for (const target of [`${folder}/${upload.filename}`, "..", "a\\..\\b", "", "a\0b"]) {
      await expect(upload.moveTo(target), target).rejects.toBeInstanceOf(InvalidPathError)
    }
    // @ts-expect-error a client's name is no target
    await expect(upload.moveTo(upload.filename)).rejects.toBeInstanceOf(InvalidPathError)
    await expect(upload.moveTo("/x", { overwite: true } as never)).rejects.toBeInstanceOf(InvalidOptionError)
    expect(existsSync(upload.path)).toBe(true)
  })

  test("leaves its owner when it is moved, given away or deleted, and comes back when moving fails", async () => {
    const order: string[] = []
    let open = true
    const owner: UploadOwner = {
      take: () => {
        order.push("take")
        return open
      },
      release: () => void order.push("release"),
    }
    const upload = uploaded("x", owner)
    expect(upload.giveAway()).toBe(upload.path)
    await expect(upload.moveTo(join(folder, "no", "x"))).rejects.toThrow()
    expect(order).toEqual(["release", "release", "take"])
    expect(existsSync(upload.path)).toBe(true)
    open = false
    await expect(upload.moveTo(join(folder, "no", "x"))).rejects.toThrow()
    expect(existsSync(upload.path)).toBe(false)
    await upload.delete()
    await upload.delete()
  })
})

describe("a safe file name", () => {
  test.each([
    ["report.pdf", "report.pdf"],
    ["C:\\fakepath\\photo.JPG", "photo.JPG"],
    ["/etc/passwd", "passwd"],
    ["..\\..\\boot.ini", "boot.ini"],
    ["a/..", "file"],
    ["...", "file"],
    ["", "file"],
    ["/", "file"],
    [".bashrc", "bashrc"],
    ["x.txt. . ", "x.txt"],
    ["NUL", "_NUL"],
    ["com1.txt", "_com1.txt"],
    ["console.txt", "console.txt"],
    ["a\0b\r\nc", "a_b__c"],
    ["evil\u202egpj.exe", "evil_gpj.exe"],
    ["file.txt:stream", "file.txt_stream"],
    ["Žluťoučký kůň.txt", "Žluťoučký kůň.txt"],
    ["e\u0301.txt", "é.txt"],
    [`${"x".repeat(300)}.tar.gz`, `${"x".repeat(197)}.gz`],
    ["🐎".repeat(100), "🐎".repeat(50)],
  ])("of %j is %j", (filename, safe) => {
    expect(safeFilename(filename)).toBe(safe)
  })

  test("is one name of a file in a folder, whatever the client's was, and is its own", () => {
    const odd = fc.string({
      unit: fc.constantFrom("/", "\\", ".", " ", ":", "\0", "\n", "a", "é", "\ud800", "con", "\u202e", "*"),
    })
    fc.assert(
      fc.property(fc.oneof(odd, fc.string({ unit: "binary", maxLength: 400 })), (filename) => {
        const safe = safeFilename(filename)
        expect(safe).not.toMatch(/[/\\:*?"<>|\0-\x1f\x7f]|^[. ]|[. ]$|^$/)
        expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(204)
        expect(encodeURIComponent(safe)).not.toBe("")
        expect(join("/d", safe)).toBe(`/d/${safe}`)
        expect(safeFilename(safe)).toBe(safe)
      }),
      { numRuns: 2000 },
    )
  })
})
