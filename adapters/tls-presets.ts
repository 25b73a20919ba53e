/**
 * What a TLS server speaks, by a word: which versions, which ciphers and which curves (RFC 9325).
 */
import type { SecureContextOptions } from "node:tls"

/** Key exchange with forward secrecy and authenticated encryption alone; TLS 1.3 has no other. */
const aead = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
]
const curves = "X25519:P-256:P-384:P-521"

export type TlsCiphers = "strong" | "compatible"
export type TlsPreset = Pick<SecureContextOptions, "minVersion" | "ciphers" | "honorCipherOrder" | "ecdhCurve">

/** Without a word: what Node.js takes to be right. */
export const tlsPresets: Readonly<Record<TlsCiphers | "usual", TlsPreset>> = {
  usual: {},
  strong: { minVersion: "TLSv1.3", ecdhCurve: curves },
  compatible: {
    minVersion: "TLSv1.2",
    // OpenSSL keeps those of TLS 1.3 in the same list.
    ciphers: ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", ...aead].join(":"),
    honorCipherOrder: true,
    ecdhCurve: curves,
  },
}

/** The list for servers that only know one for TLS 1.2. */
export const aeadCiphers: string = aead.join(":")
