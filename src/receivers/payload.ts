import { z } from 'zod'
import { DiagnosticsError } from '../base/index.ts'
import type { Decoded, HeaderReader, PushNotice } from './types.ts'

/** Text of a payload that is used: short, and without control characters, which have no place in a URL, a ref or a name. */
export function boundedText(max: number): z.ZodType<string> {
  return z.string().min(1).max(max).refine(isPrintable, 'must not contain control characters')
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return false
  }
  return true
}

/** One of the URLs of a repository. Forges leave some of them empty or null; those are dropped. */
export const repositoryUrl = z.union([boundedText(2048), z.literal('')]).nullish()

/** A ref that a push can be about. */
export const refName = boundedText(1024).refine(
  (ref) => /^refs\/./.test(ref),
  'must be a full ref name such as refs/heads/main',
)

/** A commit id, also an abbreviated one: it goes into the record of the run and decides nothing. */
export const commitId = z.string().regex(/^[0-9a-f]{7,64}$/, 'must be a commit id')

/** The commit, or undefined for the all-zero id that stands for "does not exist" (a ref that was created or deleted). */
export function existingCommit(id: string | null | undefined): string | undefined {
  return id === null || id === undefined || /^0+$/.test(id) ? undefined : id
}

/** The distinct non-empty URLs. */
export function presentUrls(urls: readonly (string | null | undefined)[]): readonly string[] {
  return [...new Set(urls.filter((url): url is string => url !== null && url !== undefined && url !== ''))]
}

/** Parses the text of a payload. Throws a DiagnosticsError `payload-invalid`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw payloadInvalid([{ field: '', message: 'the body is not JSON' }])
  }
}

/** Decodes a body as UTF-8. Throws a DiagnosticsError `payload-invalid`. */
export function decodeText(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw payloadInvalid([{ field: '', message: 'the body is not UTF-8' }])
  }
}

/** Validates `value`, reporting every field that is wrong by its path. Values never appear in the message. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw payloadInvalid(
    result.error.issues.slice(0, 20).map((issue) => ({ field: issue.path.join('.'), message: issue.message })),
  )
}

/** The error for a payload that cannot be used. */
export function payloadInvalid(findings: readonly { field: string; message: string }[]): DiagnosticsError {
  return new DiagnosticsError(
    findings.map(({ field, message }) => ({
      code: 'payload-invalid',
      severity: 'error',
      message,
      ...(field === '' ? {} : { field }),
    })),
    { code: 'payload-invalid' },
  )
}

/** `value` as an id of a delivery: at most 256 characters. */
export function deliveryIdOf(value: string | null | undefined): string {
  return (value ?? '').slice(0, 256)
}

/** The name of an event as it may be shown: printable and short. */
export function eventName(value: string | null | undefined): string {
  return (value ?? '').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 64)
}

/** Why nothing is done where a branch was deleted. */
export function deletedBranch(ref: string): string {
  return `${ref} was deleted: there is nothing to fetch`
}

/** One change of a ref as a payload tells it. */
export interface RefChange {
  readonly ref: string
  readonly before?: string | null | undefined
  readonly after?: string | null | undefined
  readonly isDeleted: boolean
}

/** Most refs of one delivery that are looked at. */
const maxRefs = 20

/**
 * What a push of some refs asks for: a look at each of them, except at branches that were deleted. A deleted tag is looked at, because it changes what a range of
 * versions resolves to. What is beyond twenty refs is left to the intervals of the sources.
 */
export function decodeChanges(
  facts: { readonly event: string; readonly deliveryId: string },
  repository: { readonly provider: string; readonly urls: readonly string[]; readonly actor?: string | undefined },
  changes: readonly RefChange[],
): Decoded {
  const { provider, urls, actor } = repository
  const wanted = changes.filter((change) => !change.isDeleted || !change.ref.startsWith('refs/heads/'))
  if (wanted.length === 0) {
    const [first] = changes
    return first === undefined
      ? { ...facts, kind: 'ignored', reason: 'the push changed no ref' }
      : { ...facts, kind: 'ignored', reason: deletedBranch(first.ref), ref: first.ref }
  }
  const notices = wanted.slice(0, maxRefs).map(({ ref, before, after }): PushNotice => {
    const from = existingCommit(before)
    const to = existingCommit(after)
    return {
      provider,
      deliveryId: facts.deliveryId,
      urls,
      ref,
      ...(from === undefined ? {} : { before: from }),
      ...(to === undefined ? {} : { after: to }),
      ...(actor === undefined ? {} : { actor }),
    }
  })
  const left =
    wanted.length > maxRefs ? `${wanted.length - maxRefs} further refs are left to the intervals of their sources` : ''
  return { ...facts, kind: 'push', notices, ...(left === '' ? {} : { left }) }
}

/** The JSON text of a body: the body itself, or the field `payload` of a form. Throws a DiagnosticsError `payload-invalid`. */
export function formPayload(headers: HeaderReader, body: Uint8Array): string {
  const text = decodeText(body)
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') return text
  const payload = new URLSearchParams(text).get('payload')
  if (payload === null) throw payloadInvalid([{ field: 'payload', message: 'the form has no such field' }])
  return payload
}
