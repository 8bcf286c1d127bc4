import { z } from 'zod'
import { DiagnosticsError } from '../base/index.ts'

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
