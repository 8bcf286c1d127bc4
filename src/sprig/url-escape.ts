import { fromBytes, toBytes } from '../template/index.ts'

/** The part of a URL that text stands in: each leaves other characters as they are. */
export type UrlPart = 'path' | 'user' | 'host' | 'zone' | 'fragment'

const UNRESERVED = /[A-Za-z0-9\-_.~]/
// What stands unescaped in each part, besides letters, digits and "-_.~" (Go 1.26 net/url).
const LITERAL: Readonly<Record<UrlPart, string>> = {
  path: '$&+,/:;=@',
  user: '$&+,;=',
  host: '!$&\'()*+,;=:[]<>"',
  zone: '!$&\'()*+,;=:[]<>"',
  fragment: '$&+,/:;=?@!()*',
}

function mustEscape(byte: number, part: UrlPart): boolean {
  const ch = String.fromCharCode(byte)
  return byte >= 0x80 || !(UNRESERVED.test(ch) || LITERAL[part].includes(ch))
}

/** Percent-encodes text for a part of a URL. */
export function escapeUrl(text: string, part: UrlPart): string {
  let out = ''
  for (const byte of toBytes(text)) {
    out += mustEscape(byte, part) ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : String.fromCharCode(byte)
  }
  return out
}

/** Decodes percent-encoding; an object result carries the message of Go's error. */
export function unescapeUrl(text: string, part: UrlPart): string | { readonly error: string } {
  const bytes = toBytes(text)
  const out: number[] = []
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte !== 0x25) {
      if ((part === 'host' || part === 'zone') && byte < 0x80 && mustEscape(byte, part)) {
        return { error: `invalid character ${JSON.stringify(String.fromCharCode(byte))} in host name` }
      }
      out.push(byte)
      continue
    }
    const hex = String.fromCharCode(...bytes.subarray(i + 1, i + 3))
    const value = /^[\da-fA-F]{2}$/.test(hex) ? Number.parseInt(hex, 16) : undefined
    const isPlainInHost = part === 'host' && value !== undefined && value < 0x80 && value !== 0x25
    const isPlainInZone =
      part === 'zone' && value !== undefined && value !== 0x25 && value !== 0x20 && mustEscape(value, 'host')
    if (value === undefined || isPlainInHost || isPlainInZone) {
      return { error: `invalid URL escape ${JSON.stringify(fromBytes(bytes.subarray(i, i + 3)))}` }
    }
    out.push(value)
    i += 2
  }
  return fromBytes(Uint8Array.from(out))
}
