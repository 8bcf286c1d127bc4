/** One line of a difference: taken away, added, or the same on both sides. */
export interface DiffLine {
  readonly sign: '-' | '+' | ' ' | '…'
  readonly text: string
}

/** Lines of what stays the same that are shown around a change. */
const contextLines = 2
/** More lines than these are compared from both ends only: the table for them would be too large. */
const maxTable = 4_000_000

/**
 * The difference of two texts, line by line, with two lines around each change. A side that is not there has no lines. Pure.
 */
export function diffLines(
  before: string,
  after: string,
  sides: { readonly hasBefore: boolean; readonly hasAfter: boolean } = { hasBefore: true, hasAfter: true },
): readonly DiffLine[] {
  const a = sides.hasBefore ? before.split('\n') : []
  const b = sides.hasAfter ? after.split('\n') : []
  return withContext(compareLines(a, b))
}

function compareLines(a: readonly string[], b: readonly string[]): readonly DiffLine[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const same = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ sign: ' ', text }))
  const middle = compareMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end))
  return [...same(a.slice(0, start)), ...middle, ...same(a.slice(a.length - end))]
}

/** The longest common subsequence, by the usual table. */
function compareMiddle(a: readonly string[], b: readonly string[]): readonly DiffLine[] {
  const removed = a.map((text): DiffLine => ({ sign: '-', text }))
  const added = b.map((text): DiffLine => ({ sign: '+', text }))
  if (a.length * b.length > maxTable || a.length === 0 || b.length === 0) return [...removed, ...added]
  const width = b.length + 1
  const table = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => table[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i] ?? '' })
      i++
      j++
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({ sign: '-', text: a[i++] ?? '' })
    else lines.push({ sign: '+', text: b[j++] ?? '' })
  }
  return [...lines, ...removed.slice(i), ...added.slice(j)]
}

/** Leaves out what stays the same, but for a little around each change. */
function withContext(lines: readonly DiffLine[]): readonly DiffLine[] {
  const isNear = lines.map((_, index) =>
    lines.slice(Math.max(0, index - contextLines), index + contextLines + 1).some((line) => line.sign !== ' '),
  )
  const shown: DiffLine[] = []
  lines.forEach((line, index) => {
    if (isNear[index] === true) shown.push(line)
    else if (shown.at(-1)?.sign !== '…') shown.push({ sign: '…', text: '' })
  })
  return shown
}
