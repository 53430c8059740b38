/** Broken variants of our own code. */
export {};
