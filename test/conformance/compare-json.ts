/** Documents of JSON lines. */
export function jsonDocuments(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as unknown)
}

/** The first difference between two lists of documents, in words; undefined where they are equal. */
export function firstDifference(want: readonly unknown[], got: readonly unknown[]): string | undefined {
  for (let index = 0; index < Math.max(want.length, got.length); index++) {
    if (index >= got.length) return `document ${index} is missing: ${nameOf(want[index])}`
    if (index >= want.length) return `document ${index} is not expected: ${nameOf(got[index])}`
    const found = difference(want[index], got[index], '$')
    if (found !== undefined) return `document ${index} ${nameOf(want[index])} ${found}`
  }
  return undefined
}

function difference(want: unknown, got: unknown, path: string): string | undefined {
  if (Object.is(want, got)) return undefined
  if (!isContainer(want) || !isContainer(got) || Array.isArray(want) !== Array.isArray(got)) {
    return `${path}: want ${brief(want)}, got ${brief(got)}`
  }
  for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
    const below = `${path}.${key}`
    if (!Object.hasOwn(got, key)) return `${below}: missing, want ${brief(want[key])}`
    if (!Object.hasOwn(want, key)) return `${below}: not expected, got ${brief(got[key])}`
    const found = difference(want[key], got[key], below)
    if (found !== undefined) return found
  }
  return undefined
}

function isContainer(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null
}

function nameOf(document: unknown): string {
  const object = (document ?? {}) as { kind?: unknown; metadata?: { name?: unknown } }
  return `${String(object.kind)}/${String(object.metadata?.name)}`
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}
