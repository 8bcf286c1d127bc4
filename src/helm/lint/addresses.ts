import { RE2JS } from 're2js'
import { parseIp, parseRequestUrl, parseUrl } from '../../sprig/index.ts'
import { toCharacters } from '../../template/index.ts'

/** Longest and shortest text that is taken for the address of a site, in characters. */
const maxUrlLength = 2083
const minUrlLength = 3

const wide = '\\x{00A0}-\\x{D7FF}\\x{F900}-\\x{FDCF}\\x{FDF0}-\\x{FFEF}'
const letter = `[a-zA-Z${wide}]`
const letterOrDigit = `[a-zA-Z0-9${wide}]`
const atom = `[a-zA-Z0-9!#$%&'*+\\-/=?^_\`{|}~${wide}]+`
const fold = '(?:(?:[ \\t]*\\r\\n)?[ \\t]+)?'
const quotable = `[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f!#-\\[\\]-\\x7f${wide}]|\\([\\x01-\\x09\\x0b-\\x7f${wide}]`
// In quotes, govalidator wants a quote in front of every character.
const local = `(?:${atom}(?:\\.${atom})*|(?:"${fold}(?:${quotable}))*${fold}")`
const domain = `(?:${letterOrDigit}(?:[a-zA-Z0-9\\-._~${wide}]*${letterOrDigit})?\\.)+`
const topLevel = `${letter}(?:[a-zA-Z0-9\\-_~${wide}]*${letter})?\\.?`

// RE2 takes time in proportion to the text, whatever the text is.
const emailPattern = RE2JS.compile(`^${local}@${domain}${topLevel}$`)

const octet = '(?:[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])'
const firstOctet = '(?:[1-9][0-9]?|1[0-9]{2}|2[01][0-9]|22[0-3]|24[0-9]|25[0-5])'
const label = '[a-zA-Z0-9\\x{00a1}-\\x{ffff}]+'
const leading =
  '(?:[a-zA-Z0-9][a-zA-Z0-9_-]*[a-zA-Z0-9](?:[-.][a-zA-Z0-9]+)*|www\\.|[a-zA-Z0-9]+(?:[-_.]?[a-zA-Z0-9])*[a-zA-Z0-9]\\.[a-zA-Z0-9]+)?'
const named = `${leading}${label}(?:-{1,2}${label})*(?:\\.[a-zA-Z\\x{00a1}-\\x{ffff}]+)?`
const host = `(?:${firstOctet}(?:\\.${octet}){3}|\\[([0-9a-fA-F:.]+)\\]|${named})`
const urlPattern = RE2JS.compile(
  `^(?:(?:ftp|tcp|udp|wss?|https?)://)?(?:\\S+@)?${host}\\.?(?::[0-9]{1,5})?(?:[/?#]\\S*)?$`,
)

/** True for what govalidator's IsEmail takes (v0.0.0-20230301143203): a dotted or quoted name, and a domain of two labels or more. */
export function isEmail(text: string): boolean {
  return emailPattern.matches(text)
}

/** True for what govalidator's IsURL takes: the address of a host, with or without a scheme, port and path. */
export function isSiteUrl(text: string): boolean {
  if (toCharacters(text).length >= maxUrlLength || text.length <= minUrlLength || text.startsWith('.')) return false
  const url = parseUrl(text.includes(':') && !text.includes('://') ? `http://${text}` : text)
  if (typeof url === 'string' || url.host.startsWith('.')) return false
  if (url.host === '' && url.path !== '' && !url.path.includes('.')) return false
  const matcher = urlPattern.matcher(text)
  if (!matcher.matches()) return false
  const address = matcher.group(1)
  return address === null || (address.includes(':') && parseIp(address) !== undefined)
}

/** True for what govalidator's IsRequestURL takes: an absolute URL with a scheme, whatever that is. */
export function isAbsoluteUrl(text: string): boolean {
  const url = parseRequestUrl(text)
  return typeof url !== 'string' && url.scheme !== ''
}
