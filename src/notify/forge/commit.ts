import { unsuitable } from '../errors.ts'
import type { NotificationEvent } from '../event.ts'

/**
 * The commit that an event is about (notification-controller 1.9): metadata `commit`, else `originRevision`, else `revision`, in any of the forms that revisions had (`main@sha1:<hex>`, `sha1:<hex>`,
 * `main/<hex>`, `<hex>`). Undefined where it names none.
 */
export function commitOf(metadata: NotificationEvent['metadata']): string | undefined {
  const revision = metadata['commit'] ?? metadata['originRevision'] ?? metadata['revision']
  return revision === undefined
    ? undefined
    : /(?:^|[@/:])(?:sha1:|sha256:)?([0-9a-f]{40}|[0-9a-f]{64})$/i.exec(revision)?.[1]
}

/** {@link commitOf}. @throws EngineError `notify-unsuitable` where the event names no commit. */
export function requiredCommit(event: NotificationEvent): string {
  const commit = commitOf(event.metadata)
  if (commit !== undefined) return commit
  const { commit: own, originRevision, revision } = event.metadata
  if (own === undefined && originRevision === undefined && revision === undefined)
    throw unsuitable('missing revision metadata')
  throw unsuitable('failed to extract commit hash from the revision of the event: it is no commit of Git')
}
