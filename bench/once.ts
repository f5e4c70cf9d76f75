/** @returns a function that makes its value when first called and gives the same one ever after */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
