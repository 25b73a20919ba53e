/** Websocket frames (RFC 6455 §5), written as badly as a test wants and read strictly. */
import { type Inbox, WireError } from "./inbox.ts"

export const Op = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly payload: Buffer
}

export interface FrameOptions {
  readonly opcode: number
  readonly payload?: string | Uint8Array
  readonly fin?: boolean
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number
  readonly mask?: boolean
  /** What the length field says, where it is to lie. */
  readonly claimedLength?: number
}

/** One frame as a client sends it: masked, unless told otherwise. */
export function encodeFrame(options: FrameOptions): Buffer {
  const { opcode, fin = true, rsv = 0, mask = true } = options
  const payload = Buffer.from(options.payload ?? "")
  const length = options.claimedLength ?? payload.length
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const top = mask ? 0x80 : 0
  if (length < 126) head.push(top | length)
  else if (length < 65_536) head.push(top | 126, length >> 8, length & 255)
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(BigInt(length))
    head.push(top | 127, ...long)
  }
  if (!mask) return Buffer.concat([Buffer.from(head), payload])
  const key = [0x12, 0x34, 0x56, 0x78]
  const masked = payload.map((byte, i) => byte ^ key[i & 3]!)
  return Buffer.concat([Buffer.from([...head, ...key]), masked])
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason)])
}

/** The next frame of a server: unmasked, its length in the shortest form, control frames whole and short. */
export async function readFrame(inbox: Inbox): Promise<Frame> {
  const [first, second] = (await inbox.take(2)) as unknown as [number, number]
  const opcode = first & 15
  const fin = (first & 0x80) !== 0
  if (second & 0x80) throw new WireError("a server's frame is masked")
  let length = second & 127
  if (length === 126) {
    length = (await inbox.take(2)).readUInt16BE()
    if (length < 126) throw new WireError("a length that is not in its shortest form")
  } else if (length === 127) {
    length = Number((await inbox.take(8)).readBigUInt64BE())
    if (length < 65_536) throw new WireError("a length that is not in its shortest form")
  }
  if (opcode >= 8 && (!fin || length > 125)) throw new WireError("a control frame that is long or in pieces")
  const payload = await inbox.take(length)
  return { fin, rsv: (first >> 4) & 7, opcode, payload }
}

/** Code and reason of a close frame; 1005 when it has none. */
export function closeOf(frame: Frame): { code: number; reason: string } {
  if (frame.opcode !== Op.close) throw new WireError(`not a close frame: opcode ${frame.opcode}`)
  if (frame.payload.length === 0) return { code: 1005, reason: "" }
  return { code: frame.payload.readUInt16BE(0), reason: frame.payload.toString("utf8", 2) }
}
