import { EngineError } from './errors.ts'
import { printUrl } from './url.ts'

/** Which hosts the engine may talk to when a custom resource names them. */
export interface EgressPolicy {
  /** Lets all private, loopback and link-local addresses through. For a deployment inside a private network whose tenants are trusted. */
  readonly allowPrivate?: boolean
  /** Host names (`git.corp.example`, also `*.corp.example`) and literal addresses that are allowed even where they are private. */
  readonly allowHosts?: readonly string[]
}

/** Names that lead to the machine itself, to its neighbours or to a cloud's metadata service. */
const privateNames = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home\.arpa|svc)$/

/**
 * Refuses a URL that a tenant must not make the engine fetch: anything but http(s), and private, loopback, link-local, metadata and
 * unspecified addresses in any spelling. Host names are judged by name here; whoever connects must judge the resolved address with {@link isPrivateAddress},
 * so that a name which resolves to a private address is refused too. Throws EngineError `egress-refused`.
 */
export function checkEgress(url: URL, policy: EgressPolicy): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused(url, `the scheme ${url.protocol.slice(0, -1)} is not supported here`)
  }
  if (isHostAllowed(url.hostname, policy)) return
  const host = bareHost(url.hostname)
  const isLiteral = host.includes(':') || /^[\d.]+$/.test(host)
  if (isLiteral ? isPrivateAddress(host) : privateNames.test(host) || !host.includes('.')) {
    throw refused(url, 'the host is private; allow it in the configuration of the deployment if it is meant')
  }
}

/** True when the policy lets everything at this host through, whatever address it has. */
export function isHostAllowed(hostname: string, policy: EgressPolicy): boolean {
  if (policy.allowPrivate === true) return true
  const host = bareHost(hostname)
  return (policy.allowHosts ?? []).some((allowed) => {
    const rule = bareHost(allowed)
    return rule.startsWith('*.') ? host.endsWith(rule.slice(1)) : rule === host
  })
}

/** True for a literal IPv4 or IPv6 address that is not reachable over the public Internet (RFC 6890), also when it is mapped into IPv6. */
export function isPrivateAddress(address: string): boolean {
  const v4 = parseIpv4(address)
  if (v4 !== undefined) return isPrivateIpv4(v4)
  const v6 = parseIpv6(address)
  if (v6 === undefined) return true
  const head = v6[0] ?? 0
  const isZeroUpTo = (count: number): boolean => v6.slice(0, count).every((group) => group === 0)
  const tail = (((v6[6] ?? 0) << 16) | (v6[7] ?? 0)) >>> 0
  if (isZeroUpTo(5) && (v6[5] === 0xffff || v6[5] === 0)) return v6[5] === 0 || isPrivateIpv4(tail)
  if (head === 0x64 && v6[1] === 0xff9b) return v6[2] !== 0 || isPrivateIpv4(tail)
  if (head === 0x2002) return isPrivateIpv4((((v6[1] ?? 0) << 16) | (v6[2] ?? 0)) >>> 0)
  // Global unicast is 2000::/3; of it 2001::/23 (protocol assignments, Teredo) and the documentation ranges are not public.
  if (head < 0x2000 || head > 0x3fff) return true
  return (head === 0x2001 && ((v6[1] ?? 0) < 0x200 || v6[1] === 0xdb8)) || head === 0x3fff
}

function isPrivateIpv4(address: number): boolean {
  const ranges: readonly (readonly [number, number])[] = [
    [0x00000000, 8],
    [0x0a000000, 8],
    [0x64400000, 10],
    [0x7f000000, 8],
    [0xa9fe0000, 16],
    [0xac100000, 12],
    [0xc0000000, 24],
    [0xc0000200, 24],
    [0xc0586300, 24],
    [0xc0a80000, 16],
    [0xc6120000, 15],
    [0xc6336400, 24],
    [0xcb007100, 24],
    [0xe0000000, 3],
  ]
  return ranges.some(([base, bits]) => address >>> (32 - bits) === base >>> (32 - bits))
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

function parseIpv6(text: string): number[] | undefined {
  const address = bareHost(text).split('%', 1)[0] ?? ''
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  const v4 = dotted?.[2] === undefined ? undefined : parseIpv4(dotted[2])
  if (dotted !== null && v4 === undefined) return undefined
  const hex =
    v4 === undefined ? address : `${dotted?.[1] ?? ''}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`
  const halves = hex.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const head = groups[0] ?? []
  const tail = groups[1] ?? []
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  return all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? all.map((group) => Number.parseInt(group, 16))
    : undefined
}

function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}

function refused(url: URL, why: string): EngineError {
  return new EngineError(`${printUrl(url)} is refused: ${why}`, {
    code: 'egress-refused',
    data: { host: url.hostname },
  })
}
