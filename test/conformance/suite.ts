/** Outcome of one case. */
export interface CaseResult {
  readonly id: string
  /** What is wrong; undefined when the case passes. */
  readonly problem?: string
  /** False where the objects are right but their text differs. */
  readonly sameText?: boolean
}

/** One suite: runs all its cases, those of the shared corpus only where it is there. */
export interface Suite {
  readonly results: readonly CaseResult[]
  /** Lines to print besides the results. */
  readonly notices: readonly string[]
  /** Least share of cases whose text must be the same, too. */
  readonly minSameText?: number
}

/** The first difference between two JSON values, as a path and both values; undefined when they are equal. */
export function difference(want: unknown, got: unknown, path = '$'): string | undefined {
  if (Object.is(want, got)) return undefined
  if (
    typeof want !== 'object' ||
    typeof got !== 'object' ||
    want === null ||
    got === null ||
    Array.isArray(want) !== Array.isArray(got)
  ) {
    return `${path}: expected ${brief(want)}, got ${brief(got)}`
  }
  const a = want as { [key: string]: unknown }
  const b = got as { [key: string]: unknown }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const below = Array.isArray(want) ? `${path}[${key}]` : `${path}.${key}`
    if (!Object.hasOwn(b, key)) return `${below}: missing, expected ${brief(a[key])}`
    if (!Object.hasOwn(a, key)) return `${below}: unexpected ${brief(b[key])}`
    const found = difference(a[key], b[key], below)
    if (found !== undefined) return found
  }
  return undefined
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}

/** The first difference between two lists of documents. */
export function differentDocuments(want: readonly unknown[], got: readonly unknown[]): string | undefined {
  for (let index = 0; index < Math.max(want.length, got.length); index++) {
    if (index >= got.length) return `document ${index} missing: ${brief(want[index])}`
    if (index >= want.length) return `unexpected document ${index}: ${brief(got[index])}`
    const found = difference(want[index], got[index])
    if (found !== undefined) return `document ${index} ${found}`
  }
  return undefined
}
