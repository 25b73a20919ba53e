import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^plumage$/, replacement: at("src/index.ts") },
      { find: /^plumage\/plugs$/, replacement: at("src/plugs/plugs.ts") },
      { find: /^plumage\/crypto$/, replacement: at("src/crypto/crypto.ts") },
      { find: /^plumage\/env$/, replacement: at("src/endpoint/env.ts") },
      { find: /^plumage\/test$/, replacement: at("src/test/test.ts") },
      { find: /^plumage\/adapters\/(\w+)$/, replacement: at("adapters/$1/server.ts") },
    ],
  },
  test: { include: ["test/**/*.test.ts", "examples/**/*.test.ts"], testTimeout: 20_000, pool: "forks" },
})
