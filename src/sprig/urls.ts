import {
  ANY_MAP,
  FunctionError,
  goFunction,
  kindOf,
  quote,
  STRING,
  type GoFunction,
  type GoMap,
} from '../template/index.ts'
import { escapeUrl, unescapeUrl, type UrlPart } from './url-escape.ts'

interface User {
  readonly name: string
  readonly password: string | undefined
}

/** A URL taken apart as Go's net/url does. */
export interface Url {
  readonly scheme: string
  readonly opaque: string
  readonly user: User | undefined
  readonly host: string
  readonly path: string
  readonly query: string
  readonly fragment: string
}

/** A part that cannot be read; the caller adds which URL it was. */
class UrlFault {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

function decode(text: string, part: UrlPart): string {
  const decoded = unescapeUrl(text, part)
  if (typeof decoded === 'string') return decoded
  throw new UrlFault(decoded.error)
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Go's url.Parse; a string result is the message of its error. */
export function parseUrl(raw: string): Url | string {
  const [withoutFragment, fragment] = cut(raw, '#')
  let at = withoutFragment
  try {
    const url = parseReference(withoutFragment)
    at = raw
    return { ...url, fragment: decode(fragment, 'fragment') }
  } catch (error) {
    if (error instanceof UrlFault) return `parse ${quote(at)}: ${error.message}`
    throw error
  }
}

/** Go's url.ParseRequestURI, for URLs with a scheme: as {@link parseUrl}, but a `#` starts no fragment. */
export function parseRequestUrl(raw: string): Url | string {
  try {
    return { ...parseReference(raw), fragment: '' }
  } catch (error) {
    if (error instanceof UrlFault) return `parse ${quote(raw)}: ${error.message}`
    throw error
  }
}

function splitScheme(raw: string): [string, string] {
  if (raw.startsWith(':')) throw new UrlFault('missing protocol scheme')
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(raw)
  return match === null ? ['', raw] : [match[1]!.toLowerCase(), raw.slice(match[0].length)]
}

function parseReference(raw: string): Omit<Url, 'fragment'> {
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\0-\x1f\x7f]/.test(raw)) throw new UrlFault('net/url: invalid control character in URL')
  const empty = { scheme: '', opaque: '', user: undefined, host: '', path: '', query: '' }
  if (raw === '*') return { ...empty, path: '*' }
  const [scheme, afterScheme] = splitScheme(raw)
  const [hierarchy, query] = cut(afterScheme, '?')
  if (!hierarchy.startsWith('/')) {
    if (scheme !== '') return { ...empty, scheme, opaque: hierarchy, query }
    if (cut(hierarchy, '/')[0].includes(':')) throw new UrlFault('first path segment in URL cannot contain colon')
  }
  const hasAuthority = hierarchy.startsWith('//') && (scheme !== '' || !hierarchy.startsWith('///'))
  if (!hasAuthority) return { ...empty, scheme, query, path: decode(hierarchy, 'path') }
  const slash = hierarchy.indexOf('/', 2)
  const authority = slash === -1 ? hierarchy.slice(2) : hierarchy.slice(2, slash)
  const path = slash === -1 ? '' : hierarchy.slice(slash)
  const at = authority.lastIndexOf('@')
  const host = parseHost(scheme, authority.slice(at + 1))
  const user = at === -1 ? undefined : parseUser(authority.slice(0, at))
  return { ...empty, scheme, user, host, query, path: decode(path, 'path') }
}

function parseUser(text: string): User {
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text)) throw new UrlFault('net/url: invalid userinfo')
  const colon = text.indexOf(':')
  if (colon === -1) return { name: decode(text, 'user'), password: undefined }
  return { name: decode(text.slice(0, colon), 'user'), password: decode(text.slice(colon + 1), 'user') }
}

function checkPort(port: string): void {
  if (!/^(?::\d*)?$/.test(port)) throw new UrlFault(`invalid port ${quote(port)} after host`)
}

function parseHost(scheme: string, host: string): string {
  const open = host.lastIndexOf('[')
  if (open > 0) throw new UrlFault('invalid IP-literal')
  if (open === 0) return parseIpLiteral(host)
  const first = host.indexOf(':')
  if (first !== -1) checkPort(host.slice(scheme === 'http' || scheme === 'https' ? first : host.lastIndexOf(':')))
  return decode(host, 'host')
}

function parseIpLiteral(host: string): string {
  const close = host.lastIndexOf(']')
  if (close === -1) throw new UrlFault("missing ']' in host")
  const port = host.slice(close + 1)
  checkPort(port)
  const name = host.slice(1, close)
  const zone = name.indexOf('%25')
  const decoded =
    zone === -1 ? decode(name, 'host') : decode(name.slice(0, zone), 'host') + decode(name.slice(zone), 'zone')
  const address = cut(decoded, '%')[0]
  if (/^[\d.]+$/.test(address)) throw new UrlFault('invalid IP-literal')
  if (parseIp(address) === undefined) {
    throw new UrlFault(`invalid host: ParseAddr(${quote(decoded)}): unable to parse IP`)
  }
  return `[${decoded}]${port}`
}

/** The bytes of an IPv4 (4) or IPv6 (16) address in text, or undefined: Go's net.ParseIP. */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const left = ipv6Bytes(groups[0]!, groups.length === 1)
  const right = groups.length === 2 ? ipv6Bytes(groups[1]!, true) : []
  if (left === undefined || right === undefined) return undefined
  const missing = 16 - left.length - right.length
  if (groups.length === 2 ? missing < 2 : missing !== 0) return undefined
  return Uint8Array.from([...left, ...Array.from({ length: missing }, () => 0), ...right])
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  const isValid = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  return isValid ? Uint8Array.from(parts, Number) : undefined
}

function ipv6Bytes(groups: readonly string[], mayEndInIpv4: boolean): number[] | undefined {
  const bytes: number[] = []
  for (const [i, group] of groups.entries()) {
    if (group.includes('.')) {
      const ipv4 = mayEndInIpv4 && i === groups.length - 1 ? parseIpv4(group) : undefined
      if (ipv4 === undefined) return undefined
      bytes.push(...ipv4)
    } else if (/^[\da-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    } else return undefined
  }
  return bytes
}

function hostname(host: string): string {
  const match = /^(.*?)(?::\d*)?$/s.exec(host)!
  const name = host.startsWith('[') ? host.slice(1, Math.max(host.lastIndexOf(']'), 1)) : match[1]!
  return name
}

function printUser(user: User): string {
  const password = user.password === undefined ? '' : `:${escapeUrl(user.password, 'user')}`
  return escapeUrl(user.name, 'user') + password
}

/** Go's URL.String for a URL that was put together from its parts. */
function printUrl(url: Url): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`
  if (url.opaque !== '') out += url.opaque
  else {
    if (url.host !== '' || url.user !== undefined || (url.scheme !== '' && url.path !== '')) out += '//'
    if (url.user !== undefined) out += `${printUser(url.user)}@`
    out += escapeUrl(url.host, 'host')
    const path = url.path === '*' ? '*' : escapeUrl(url.path, 'path')
    if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/'
    if (out === '' && cut(path, '/')[0].includes(':')) out += './'
    out += path
  }
  if (url.query !== '') out += `?${url.query}`
  if (url.fragment !== '') out += `#${escapeUrl(url.fragment, 'fragment')}`
  return out
}

function urlParse(raw: string): GoMap {
  const url = parseUrl(raw)
  if (typeof url === 'string') throw new FunctionError(`unable to parse url: ${url}`)
  return new Map([
    ['scheme', url.scheme],
    ['host', url.host],
    ['hostname', hostname(url.host)],
    ['path', url.path],
    ['query', url.query],
    ['opaque', url.opaque],
    ['fragment', url.fragment],
    ['userinfo', url.user === undefined ? '' : printUser(url.user)],
  ])
}

function textAt(map: GoMap | null, key: string): string {
  const value = map?.get(key)
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (value === null) throw new FunctionError('runtime error: invalid memory address or nil pointer dereference')
  throw new FunctionError(`unable to parse ${key} key, must be of type string, but ${kindOf(value)} found`)
}

function urlJoin(map: GoMap | null): string {
  const [scheme, host, path] = [textAt(map, 'scheme'), textAt(map, 'host'), textAt(map, 'path')]
  const [query, opaque, fragment] = [textAt(map, 'query'), textAt(map, 'opaque'), textAt(map, 'fragment')]
  const userinfo = textAt(map, 'userinfo')
  let user: User | undefined
  if (userinfo !== '') {
    const parsed = parseUrl(`proto://${userinfo}@host`)
    if (typeof parsed === 'string') throw new FunctionError(`unable to parse userinfo in dict: ${parsed}`)
    user = parsed.user
  }
  return printUrl({ scheme, host, path, query, opaque, fragment, user })
}

/** Sprig's URLs, by the rules of Go's net/url. */
export const urlFunctions: readonly GoFunction[] = [
  goFunction('urlParse', [STRING], (_run, raw) => urlParse(raw)),
  goFunction('urlJoin', [ANY_MAP], (_run, map) => urlJoin(map)),
  // compat(helm): names are never looked up while rendering.
  goFunction('getHostByName', [STRING], () => ''),
]
