import { plainText } from './terminal.ts'

/** A column: its title, and how a value is coloured once its width is known. */
export interface Column {
  readonly title: string
  readonly paint?: (text: string) => string
}

/** How a table is printed. */
export interface TableOptions {
  /** Columns of the terminal. The last column wraps inside it; undefined: nothing wraps, as for a pipe. */
  readonly width: number | undefined
  readonly paintTitle?: (text: string) => string
  readonly withTitles?: boolean
}

const gap = '  '
/** Narrower than this, wrapping helps nobody. */
const minLastWidth = 24
/** Lines of one row; the rest of a long message is what `sluice why` is for. */
const maxLines = 4

/**
 * A table as kubectl and flux print it: titles in capitals, columns padded, no borders. Newlines of values become spaces where nothing wraps. What
 * others wrote loses its escape sequences.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => columns.map((_, index) => oneLine(row[index] ?? '')))
  const titles = options.withTitles === false ? [] : [columns.map((column) => column.title)]
  const widths = columns.map((_, index) =>
    Math.max(0, ...[...titles, ...cells].map((row) => lengthOf(row[index] ?? ''))),
  )
  const last = columns.length - 1
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + gap.length, 0)
  const room = options.width === undefined ? undefined : Math.max(minLastWidth, options.width - before)
  const line = (row: readonly string[], paint: (text: string, index: number) => string): string => {
    const lines = room === undefined ? [row[last] ?? ''] : wrap(row[last] ?? '', room)
    const head = row
      .slice(0, last)
      .map((text, index) => paint(text, index) + ' '.repeat((widths[index] ?? 0) - lengthOf(text)) + gap)
      .join('')
    const [first = '', ...more] = lines
    const rest = more.map((text) => `${' '.repeat(before)}${paint(text, last)}\n`).join('')
    return `${head}${paint(first, last)}`.trimEnd() + `\n${rest}`
  }
  const paintCell = (text: string, index: number): string => columns[index]?.paint?.(text) ?? text
  const paintTitle = (text: string): string => options.paintTitle?.(text) ?? text
  return [...titles.map((row) => line(row, paintTitle)), ...cells.map((row) => line(row, paintCell))].join('')
}

function oneLine(text: string): string {
  return plainText(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('\t', ' ')
}

/** Letters, not UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length
}

/** Lines of at most `width` letters, broken at spaces where there are some. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let rest = Array.from(text)
  while (rest.length > width) {
    if (lines.length === maxLines - 1) {
      return [...lines, `${rest.slice(0, width - 1).join('')}…`]
    }
    const space = rest.lastIndexOf(' ', width)
    const end = space > width / 2 ? space : width
    lines.push(rest.slice(0, end).join(''))
    rest = rest.slice(rest[end] === ' ' ? end + 1 : end)
  }
  return [...lines, rest.join('')]
}
