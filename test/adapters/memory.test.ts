import { memoryColumn } from "./suite/harness.ts"
import { suite } from "./suite.ts"

suite(memoryColumn)
