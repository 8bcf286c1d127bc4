/** Longest part of a revision that names a commit: SHA-256, in hexadecimal. */
const commitName = /(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])/g

/** The commit names and digests in revisions: `main@sha1:<40 digits>`, `latest@sha256:<64 digits>`. Each once, in order. */
export function commitsIn(...revisions: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(revisions.flatMap((revision) => [...(revision ?? '').matchAll(commitName)].map(([name]) => name)))]
}

/** The commit of a push, where it names one: a ref that was deleted has only zeros. */
export function pushedCommit(after: string | undefined): string | undefined {
  const [commit] = commitsIn(after?.toLowerCase())
  return commit === undefined || /^0+$/.test(commit) ? undefined : commit
}
