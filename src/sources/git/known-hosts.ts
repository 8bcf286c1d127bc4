import { hmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { equalBytes } from '@noble/curves/utils.js'
import { decodeBase64 } from './base64.ts'

/** What `known_hosts` says about one host. */
export interface HostKeys {
  /** Host key algorithms that its keys are for, as they are offered: RSA with SHA-2 only. Empty where the file does not know the host. */
  readonly algorithms: readonly string[]
  /** True for a key that is listed for the host and not revoked. */
  accepts(key: Uint8Array): boolean
}

interface Entry {
  readonly marker: string
  readonly type: string
  readonly key: Uint8Array
}

const algorithmsOf: { readonly [type: string]: readonly string[] | undefined } = Object.freeze({
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
})

/**
 * Reads a `known_hosts` file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) for one host: plain names with wildcards and negation, `[host]:port`, hashed names, `@revoked`. Lines that cannot be read are
 * passed over as OpenSSH does; certificate authorities (`@cert-authority`) are not supported and count as absent, so that such a host is refused.
 */
export function knownHostKeys(text: string, host: string, port: number): HostKeys {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '')
  const name = port === 22 ? bare : `[${bare}]:${port}`
  const entries = text.split(/\r?\n/).flatMap((line) => readLine(line, name) ?? [])
  const own = entries.filter(({ marker }) => marker === '')
  const revoked = entries.filter(({ marker }) => marker === '@revoked')
  const lists = (list: readonly Entry[], key: Uint8Array): boolean => list.some((entry) => equalBytes(entry.key, key))
  return {
    algorithms: [...new Set(own.flatMap(({ type }) => algorithmsOf[type] ?? []))],
    accepts: (key) => lists(own, key) && !lists(revoked, key),
  }
}

function readLine(line: string, name: string): Entry | undefined {
  const fields = line.trim().split(/[ \t]+/)
  if (fields[0] === undefined || fields[0] === '' || fields[0].startsWith('#')) return undefined
  const marker = fields[0].startsWith('@') ? (fields.shift() ?? '') : ''
  const [hosts = '', type = '', encoded = ''] = fields
  const key = decodeBase64(encoded)
  return key === undefined || !matchesHosts(hosts, name) ? undefined : { marker, type, key }
}

function matchesHosts(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts)
  if (hashed !== null) {
    const salt = decodeBase64(hashed[1] ?? '')
    const want = decodeBase64(hashed[2] ?? '')
    if (salt === undefined || want === undefined) return false
    return equalBytes(hmac(sha1, salt, new TextEncoder().encode(name)), want)
  }
  let isMatch = false
  for (const pattern of hosts.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matchesWildcard(pattern.slice(1), name)) return false
    } else if (matchesWildcard(pattern, name)) isMatch = true
  }
  return isMatch
}

/** `*` and `?`, in linear time for each star: the last star is the only one that is ever gone back to. */
function matchesWildcard(pattern: string, name: string): boolean {
  let p = 0
  let n = 0
  let star = -1
  let mark = 0
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === '?' || (pattern[p] === name[n] && pattern[p] !== '*'))) {
      p++
      n++
    } else if (pattern[p] === '*') {
      star = p++
      mark = n
    } else if (star >= 0) {
      p = star + 1
      n = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
