/** Words that YAML 1.1 or 1.2 reads as something other than text. */
const ambiguous = /^(?:~|null|true|false|yes|no|on|off|y|n|[-+.]?(?:inf|nan))$/i

/**
 * Plain data as block YAML, two spaces deep, lists at the depth of their key, keys in the order given. Text that could be read as
 * anything else is quoted. The same data gives the same bytes.
 */
export function printYaml(value: unknown): string {
  return `${block(value, '')}\n`
}

function block(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    return value
      .map((item) => `${indent}- ${isEmpty(item) ? nested(item, '').trim() : block(item, `${indent}  `).trimStart()}`)
      .join('\n')
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .map(([key, entry]) => `${indent}${scalar(key)}:${nested(entry, indent)}`)
      .join('\n')
  }
  return `${indent}${scalar(value)}`
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function nested(value: unknown, indent: string): string {
  if (Array.isArray(value)) return value.length === 0 ? ' []' : `\n${block(value, indent)}`
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? ' {}' : `\n${block(value, `${indent}  `)}`
  }
  return ` ${scalar(value)}`
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const isPlain =
    /^[A-Za-z_/.$(][^\n\t]*$/.test(value) &&
    !/: |:$| #|[\s]$/.test(value) &&
    !ambiguous.test(value) &&
    !/^\.\d/.test(value)
  if (isPlain) return value
  return value.includes('\n') || value.includes('\t') ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`
}
