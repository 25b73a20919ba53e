export * from "./conn/errors.ts"
