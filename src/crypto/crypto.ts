/** Secrets at work: derived keys, signed and encrypted messages and terms, comparison in constant time. */

export { type Digest, deriveKey, type KeyOptions } from "./key-generator.ts"
export { decryptMessage, encryptMessage } from "./message-encryptor.ts"
export { signMessage, verifyMessage } from "./message-verifier.ts"
export * from "./secure-compare.ts"
export {
  openTerm,
  type SignOptions,
  sealTerm,
  signTerm,
  type TermResult,
  type VerifyOptions,
  verifyTerm,
} from "./signed-term.ts"
