/** Characters that are kept of fingerprints, and of how they are asked for. */
const defaultMaxCharacters = 8 << 20

interface KeptTree {
  readonly fingerprints: Map<string, string>
  characters: number
}

/** What was found out of trees, in memory and within bounds: of the trees that were not asked for longest nothing is known any more. Holds nothing of their content. */
export class KeptFingerprints {
  readonly #maxCharacters: number
  readonly #trees = new Map<string, KeptTree>()
  #characters = 0

  constructor(options: { readonly maxCharacters?: number } = {}) {
    this.#maxCharacters = options.maxCharacters ?? defaultMaxCharacters
  }

  /** What `make` says of a tree, or has said before. `tree` must say all that the answer follows from besides `key`. What `make` throws is not kept. */
  get(tree: string, key: string, make: () => string): string {
    const own = this.#tree(tree)
    const known = own.fingerprints.get(key)
    if (known !== undefined) return known
    const made = make()
    own.fingerprints.set(key, made)
    own.characters += key.length + made.length
    this.#characters += key.length + made.length
    this.#shrink()
    return made
  }

  /** The tree becomes the one that was asked for last. */
  #tree(name: string): KeptTree {
    const found = this.#trees.get(name) ?? { fingerprints: new Map(), characters: 0 }
    this.#trees.delete(name)
    this.#trees.set(name, found)
    return found
  }

  #shrink(): void {
    for (const [name, { characters }] of this.#trees) {
      if (this.#characters <= this.#maxCharacters) return
      this.#trees.delete(name)
      this.#characters -= characters
    }
  }
}
