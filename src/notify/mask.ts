import { toBase64 } from '../base/index.ts'
import type { Target } from './types.ts'

const mask = '*****'

/** Shorter values are part of too much else to be looked for. */
const minLength = 4

/** Parts of an address that are too short to be a secret, such as `api`. */
const minPathLength = 12

/** Names of headers whose values are credentials. */
const secretHeader = /auth|token|key|secret|pass|cookie|signature/i

/** What must not show of a Provider: its credentials, and the path of its address, which is the credential of most webhooks. */
export function secretsOf(target: Target, more: readonly string[] = []): readonly string[] {
  const { address, token, username, password } = target
  const headers = Object.fromEntries(Object.entries(target.headers).filter(([name]) => secretHeader.test(name)))
  const values = new Set([token, password, ...Object.values(headers), ...more])
  if (username !== '' && password !== '') values.add(toBase64(new TextEncoder().encode(`${username}:${password}`)))
  for (const part of token.split(':')) if (part.length >= 8) values.add(part)
  for (const header of Object.values(headers))
    for (const word of header.split(' ')) if (word.length >= 8) values.add(word)
  if (!URL.canParse(address)) {
    for (const part of address.split(';')) values.add(part.slice(part.indexOf('=') + 1))
  } else {
    const url = new URL(address)
    for (const part of [`${url.pathname}${url.search}`, ...url.pathname.split('/'), url.search.slice(1), url.username])
      if (part.length >= minPathLength) values.add(part)
    values.add(url.password)
  }
  return [...values].filter((value) => value.length >= minLength)
}

/** The text with every secret, in its usual spellings, covered. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const needles = secrets.flatMap((secret) => {
    const bytes = new TextEncoder().encode(secret)
    return [secret, encodeURIComponent(secret), toBase64(bytes), JSON.stringify(secret).slice(1, -1)]
  })
  let result = text
  for (const needle of needles.sort((a, b) => b.length - a.length)) result = result.replaceAll(needle, mask)
  return result
}

/**
 * A message without what looks like a credential: names and passwords in URLs, values of `Authorization`, private keys. Errors of the engine hold none; this is for what servers and charts say in them.
 */
export function scrubMessage(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@:]*(?::[^\s/@]*)?@/gi, `$1${mask}@`)
    .replace(/\b(Bearer|Basic|GenieKey)\s+(?=\S*(?:[\d=]|[a-z][A-Z]))[\w+/=.~:-]{8,}/g, `$1 ${mask}`)
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask)
}
