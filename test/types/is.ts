/** Equality of types, for tests that only have to compile. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles when its argument is `true`. */
export const is = <T extends true>(): T | undefined => undefined
