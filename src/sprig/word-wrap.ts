import { byteLength, byteSlice, fromBytes, isAscii, toBytes, type Meter } from '../template/index.ts'

/**
 * Masterminds/goutils WrapCustom: breaks text at spaces so that lines have at most `width` bytes; words longer than that are
 * cut if `cutLongWords`. Works on bytes, as the original does.
 */
export function wrapText(text: string, width: number, newline: string, cutLongWords: boolean, meter: Meter): string {
  if (text === '') return ''
  if (!isAscii(text)) {
    // One unit per byte while wrapping; the separator goes through unchanged.
    const bytes = latin1(toBytes(text))
    const separator = latin1(toBytes(newline))
    return fromLatin1(wrapUnits(bytes, width, separator === '' ? '\n' : separator, cutLongWords, meter))
  }
  return wrapUnits(text, width, newline === '' ? '\n' : newline, cutLongWords, meter)
}

function wrapUnits(text: string, wanted: number, newline: string, cutLongWords: boolean, meter: Meter): string {
  const width = Math.max(wanted, 1)
  const parts: string[] = []
  let at = 0
  const line = (end: number, next: number): void => {
    meter.allocate(end - at + newline.length)
    parts.push(text.slice(at, end), newline)
    at = next
  }
  while (text.length - at > width) {
    if (text[at] === ' ') {
      at++
      continue
    }
    const space = text.lastIndexOf(' ', at + width)
    if (space >= at) line(space, space + 1)
    else if (cutLongWords) line(at + width, at + width)
    else {
      const next = text.indexOf(' ', at + width)
      if (next === -1) break
      line(next, next + 1)
    }
  }
  parts.push(text.slice(at))
  return parts.join('')
}

function latin1(bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) out += String.fromCharCode(byte)
  return out
}

function fromLatin1(text: string): string {
  return fromBytes(Uint8Array.from(text, (ch) => ch.charCodeAt(0)))
}

/** Masterminds/goutils AbbreviateFull for a width of at least 4, in bytes. */
export function abbreviate(text: string, offset: number, width: number): string {
  const length = byteLength(text)
  if (length <= width) return text
  const keep = width - 3
  let from = Math.min(offset, length)
  if (length - from < keep) from = length - keep
  if (from <= 4) return `${byteSlice(text, 0, keep)}...`
  if (width < 7) return ''
  if (from + keep < length) return `...${abbreviate(byteSlice(text, from, length), 0, keep)}`
  return `...${byteSlice(text, length - keep, length)}`
}
