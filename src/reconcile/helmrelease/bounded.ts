/** A map that forgets what was put in first when it has become too large. */
export class Bounded<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly weight: number }>()
  readonly #limit: number
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value
  }

  delete(key: string): void {
    this.#total -= this.#entries.get(key)?.weight ?? 0
    this.#entries.delete(key)
  }

  set(key: string, value: V, weight = 1): void {
    this.#total += weight - (this.#entries.get(key)?.weight ?? 0)
    this.#entries.delete(key)
    this.#entries.set(key, { value, weight })
    for (const [oldest, entry] of this.#entries) {
      if (this.#total <= this.#limit || oldest === key) return
      this.#entries.delete(oldest)
      this.#total -= entry.weight
    }
  }
}
