import type { StateStore } from '../ports/index.ts'

/**
 * One store out of two: keys that start with one of `sharedPrefixes` live in `shared`, all others in `local`. A list is answered by the store
 * that its prefix belongs to.
 */
export function createRoutedStateStore(options: {
  readonly shared: StateStore
  readonly local: StateStore
  readonly sharedPrefixes: readonly string[]
}): StateStore {
  const storeOf = (key: string): StateStore =>
    options.sharedPrefixes.some((prefix) => key.startsWith(prefix)) ? options.shared : options.local
  return {
    get: (key) => storeOf(key).get(key),
    put: (key, value, more) => storeOf(key).put(key, value, more),
    putIfAbsent: (key, value, more) => storeOf(key).putIfAbsent(key, value, more),
    delete: (key) => storeOf(key).delete(key),
    list: (prefix, more) => storeOf(prefix).list(prefix, more),
  }
}
