/** Nominal types over structural ones. */

declare const brand: unique symbol;

/** A `T` that went through the one place that checks `Name`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
