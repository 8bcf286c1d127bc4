import { ownAnnotations, type KubeObject } from '../../api/index.ts'

/** What an object is pinned to, by whom, why, and until when. */
export interface Pin {
  /** A commit's name; of an OCIRepository a digest, of a HelmRelease a version of its chart. */
  readonly to: string
  readonly by?: string | undefined
  readonly reason?: string | undefined
  /** RFC 3339: a scan unpins what is past it. */
  readonly until?: string | undefined
}

/** The pin of an object; undefined where it has none. */
export function pinOf(object: Pick<KubeObject, 'metadata'>): Pin | undefined {
  const notes = object.metadata.annotations ?? {}
  const to = notes[ownAnnotations.pin]?.trim() ?? ''
  if (to === '') return undefined
  return {
    to: commitOf(to) ?? digestOf(to) ?? to,
    by: notes[ownAnnotations.pinnedBy],
    reason: notes[ownAnnotations.pinnedReason],
    until: notes[ownAnnotations.pinnedUntil],
  }
}

/** The commit in `main@sha1:<hex>`, `sha1:<hex>` or `<hex>`; undefined for anything else. */
export function commitOf(text: string): string | undefined {
  return /^(?:[^@]*@)?(?:sha1:)?([0-9a-f]{40})$/.exec(text)?.[1]
}

/** The digest in `latest@sha256:<hex>` or `sha256:<hex>`; undefined for anything else. */
export function digestOf(text: string): string | undefined {
  return /^(?:[^@]*@)?(sha256:[0-9a-f]{64})$/.exec(text)?.[1]
}

/** The revision of a commit, named as that of another commit of the same reference: `main@sha1:<hex>`. */
export function revisionAt(like: string | undefined, commit: string): string {
  const prefix = /^(.*@)?sha1:/.exec(like ?? '')?.[1] ?? ''
  return `${prefix}sha1:${commit}`
}

/** `pinned to 1234abcd by ada until 2026-01-31T18:00:00Z: the new one leaks`. */
export function describePin({ to, by, reason, until }: Pin): string {
  const words = [
    `pinned to ${to}`,
    by === undefined ? '' : ` by ${by}`,
    until === undefined ? '' : ` until ${until}`,
    reason === undefined ? '' : `: ${reason}`,
  ]
  return words.join('')
}
