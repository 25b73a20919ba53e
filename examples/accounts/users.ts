/** Who has an account: names and scrypt hashes, in memory and bounded, as a stand-in for a database. */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import { promisify } from "node:util"

export interface Picture {
  id: string
  name: string
  type: string
  bytes: Uint8Array
}
export interface User {
  id: string
  name: string
  pictures: Picture[]
}
interface Account extends User {
  salt: Buffer
  hash: Buffer
}

const derive = promisify<string, Buffer, number, Buffer>(scrypt)
const hashBytes = 32
const most = { users: 1_000, pictures: 5 }

export class Users {
  readonly #accounts = new Map<string, Account>()
  /** Compared with where there is no such account, so that the time tells nothing. */
  readonly #nobody = { salt: randomBytes(16), hash: randomBytes(hashBytes) }

  find(id: string | undefined): User | undefined {
    return id === undefined ? undefined : this.#accounts.get(id)
  }

  /** The new account; undefined when the name is taken, or the house is full. */
  async register(name: string, password: string): Promise<User | undefined> {
    const id = name.toLowerCase()
    const salt = randomBytes(16)
    const hash = await derive(password, salt, hashBytes)
    if (this.#accounts.has(id) || this.#accounts.size >= most.users) return undefined
    const account = { id, name, salt, hash, pictures: [] }
    this.#accounts.set(id, account)
    return account
  }

  async authenticate(name: string, password: string): Promise<User | undefined> {
    const account = this.#accounts.get(name.toLowerCase())
    const { salt, hash } = account ?? this.#nobody
    return timingSafeEqual(await derive(password, salt, hashBytes), hash) ? account : undefined
  }

  /** Keeps a picture, and forgets the oldest when there are too many. */
  addPicture(user: User, picture: Omit<Picture, "id">): Picture {
    const added = { ...picture, id: randomBytes(8).toString("hex") }
    user.pictures.push(added)
    if (user.pictures.length > most.pictures) user.pictures.shift()
    return added
  }
}
