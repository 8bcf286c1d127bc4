/** One element of a layout: text to copy, or a field by the way Go's reference time spells it. */
export interface LayoutPart {
  readonly kind: 'text' | 'field'
  readonly text: string
}

// Longer spellings first. "Jan" and "Mon" count only where no small letter follows, fractions only where no digit does.
const FIELDS =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2006|_2|3|4|5|PM|pm|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?!\d)/g

/** Splits a layout of Go's time package into its parts. */
export function parseLayout(layout: string): LayoutPart[] {
  const parts: LayoutPart[] = []
  let at = 0
  const text = (end: number): void => {
    if (end > at) parts.push({ kind: 'text', text: layout.slice(at, end) })
  }
  for (const match of layout.matchAll(FIELDS)) {
    // "_2006" is an underscore and a year.
    const field = match[0] === '_2006' ? '2006' : match[0]
    const start = match.index + match[0].length - field.length
    text(start)
    parts.push({ kind: 'field', text: field })
    at = start + field.length
  }
  text(layout.length)
  return parts
}
