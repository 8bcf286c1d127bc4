const entities: { readonly [name: string]: string } = Object.freeze({
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
})

/**
 * The contents of all elements of a name in a listing, in order, markup included. Listings are flat and machine-made: an element never contains one of its own name. One pass, in linear time.
 */
export function* xmlElements(text: string, name: string): Generator<string> {
  for (let at = 0; ;) {
    const open = text.indexOf(`<${name}`, at)
    if (open < 0) return
    const next = text[open + name.length + 1]
    const end = text.indexOf('>', open)
    if (end < 0) return
    at = end + 1
    if (next === undefined || !/[\s/>]/.test(next)) {
      at = open + 1
      continue
    }
    if (text[end - 1] === '/') {
      yield ''
      continue
    }
    const close = text.indexOf(`</${name}>`, at)
    if (close < 0) return
    yield text.slice(at, close)
    at = close + name.length + 3
  }
}

/** The text of the first element of a name; undefined where there is none. */
export function xmlText(text: string, name: string): string | undefined {
  const [first] = xmlElements(text, name)
  return first === undefined ? undefined : decodeEntities(first)
}

/** Text with its entities replaced: the five of XML and characters by number. */
export function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));/g, (all, decimal, hex, name) => {
    if (name !== undefined) return entities[name as string] ?? (all as string)
    const point = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'
  })
}
