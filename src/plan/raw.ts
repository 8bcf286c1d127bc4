/**
 * A value that may hold secrets. It can be carried about and compared, but nothing that prints, joins, stores or sends texts gets at it: what is inside is reached with {@link reveal},
 * which this folder keeps to itself, and leaves it as {@link Shown} text only through redaction.
 */
export class Raw<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** What was put in, for {@link reveal}. */
  static reveal<V>(held: Raw<V>): V {
    return held.#value
  }

  toString(): string {
    return '(raw)'
  }

  toJSON(): string {
    return '(raw)'
  }
}

/** Wraps a value that may hold secrets. */
export function raw<T>(value: T): Raw<T> {
  return new Raw(value)
}

/** The value inside; for the code that compares and redacts. Not exported from the folder. */
export function reveal<T>(held: Raw<T>): T {
  return Raw.reveal(held)
}
