/** A comment of a file: an entry of the mapping or an item of the list that it stands in. */
export class SopsComment {
  readonly text: string
  /** True for one behind a value, on its line. */
  readonly inline: boolean

  constructor(text: string, inline = false) {
    this.text = text
    this.inline = inline
  }
}

/** A time, which YAML knows as a type of its own: RFC 3339 text. */
export class SopsTime {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A mapping, its entries in the order of the file. A comment is an entry whose value is null. */
export class SopsBranch {
  readonly entries: SopsEntry[]

  constructor(entries: SopsEntry[] = []) {
    this.entries = entries
  }
}

export interface SopsEntry {
  key: string | SopsComment
  value: SopsValue
}

/**
 * A value of a file. `bigint` is Go's int and `number` its float64: they are written, and counted in the MAC, differently. Bytes are what
 * is not UTF-8 and so has no string.
 */
export type SopsValue =
  null | boolean | bigint | number | string | Uint8Array | SopsTime | SopsComment | SopsBranch | SopsValue[]

/** The value of the last entry with this key that is no comment. */
export function entryOf(branch: SopsBranch, key: string): SopsValue | undefined {
  return branch.entries.findLast((entry) => entry.key === key)?.value
}

/** A float as Go's `strconv.FormatFloat(f, 'f', -1, 64)` prints it: the shortest digits, never an exponent. */
export function formatPlainFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const [mantissa = '', exponentText] = text.split('e')
  if (exponentText === undefined) return text
  const exponent = Number(exponentText)
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = whole + fraction
  const point = whole.length + exponent
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${digits.padEnd(point, '0').slice(0, point)}${digits.length > point ? `.${digits.slice(point)}` : ''}`
}

/** A scalar as dotenv and INI files hold it (sops v3.13, stores.ValToString). */
export function scalarText(value: Exclude<SopsValue, SopsBranch | SopsValue[]>): string {
  if (value === null) return '<nil>'
  if (typeof value === 'number') return formatShortFloat(value)
  if (value instanceof SopsTime || value instanceof SopsComment) return value.text
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  return String(value)
}

/** Go's `FormatFloat(f, 'G', -1, 64)`, with `.0` where it could be taken for an integer. */
function formatShortFloat(value: number): string {
  if (!Number.isFinite(value)) return formatPlainFloat(value)
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 6)
    return `${mantissa}E${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  const text = formatPlainFloat(value)
  return text.includes('.') ? text : `${text}.0`
}
