import { elli } from "plumage/adapters/elli"
import { columnOf, suite } from "./suite.ts"

suite(columnOf("elli", elli))
suite(columnOf("elli TLS", elli, { secure: true }))
