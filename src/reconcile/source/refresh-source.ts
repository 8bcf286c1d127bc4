import { fieldManagers, finalizer, labels } from '../../api/index.ts'
import { parseDuration, toEngineError } from '../../base/index.ts'
import { addFinalizer, endsRun, patchStatus, removeFinalizer } from '../../kube/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { Source } from '../world.ts'
import {
  artifactPath,
  failedStatus,
  fetchedStatus,
  isUpToDate,
  type FoundSource,
  type SourceObject,
} from './object-status.ts'
import type { SourceContext } from './index.ts'
import { admitSource } from './admit-source.ts'
import { artifactUrl, dropStored } from './stored-artifact.ts'

/** What one look at a source found. */
export interface SourceLook extends FoundSource {
  readonly artifact: SourceArtifact
  /** False where the artifact is not kept as a file that can be downloaded. */
  readonly hasFile?: boolean
  /** The event of a new artifact. */
  readonly event: { readonly reason: string; readonly message: string }
}

/**
 * One look at a source of any kind but GitRepository, as source-controller's reconcilers (1.9): finalizer, look, status, events. Returns the artifact, or
 * undefined when there is none to be had now (the status says why). A suspended source is left alone.
 *
 * Effects: `.status` (artifact, conditions), an event for a new artifact, for a recovery and for a failure (`failureReason` where the error has none).
 * Rejects only when the cluster cannot be reached.
 */
export async function refreshSource<T extends Source & SourceObject>(
  ctx: SourceContext,
  object: T,
  failureReason: string,
  look: (current: T) => Promise<SourceLook>,
): Promise<SourceArtifact | undefined> {
  if (object.metadata.deletionTimestamp !== undefined) {
    await dropStored(ctx, object.status?.artifact)
    await removeFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    ctx.world.remove(object)
    return undefined
  }
  if (object.spec !== undefined && 'suspend' in object.spec && object.spec.suspend === true) return undefined
  let current = object
  try {
    const held = isGenerated(object)
      ? object
      : await addFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    if (held === undefined) return undefined
    current = held
    admitSource(ctx, current)
    const found = await look(current)
    const url = artifactUrl(ctx, artifactPath(current, found.file), { hasFile: found.hasFile !== false })
    if (isUpToDate(current, found, url)) return found.artifact
    const isNew = current.status?.artifact?.digest !== found.artifact.digest
    const hasRecovered = current.status?.conditions?.some(isFailure) === true
    const status = fetchedStatus(current, found, url, ctx.deps.clock.now())
    current = await store(ctx, current, status)
    if (isNew || hasRecovered) emit(ctx, current, 'info', found.event, found.artifact)
    return found.artifact
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw error
    const reason = error.reason ?? failureReason
    const failure = { reason, message: error.message, isFinal: error.disposition === 'stall' }
    await store(ctx, current, failedStatus(current, failure, ctx.deps.clock.now()))
    emit(ctx, current, 'error', failure)
    return undefined
  }
}

/** A HelmChart that stands for the chart of a HelmRelease, which deletes it together with its file, so it needs no finalizer. */
function isGenerated(object: SourceObject): boolean {
  return object.kind === 'HelmChart' && object.metadata.labels?.[labels.helmName] !== undefined
}

/** Aborts with the run, or when `spec.timeout` (default one minute) is over. */
export function deadlineOf(ctx: SourceContext, timeout: string | undefined): AbortSignal {
  return AbortSignal.any([ctx.signal, AbortSignal.timeout(timeout === undefined ? 60_000 : parseDuration(timeout))])
}

function isFailure(condition: { readonly type: string; readonly status: string }): boolean {
  return ['FetchFailed', 'BuildFailed'].includes(condition.type) && condition.status === 'True'
}

async function store<T extends Source & SourceObject>(
  ctx: SourceContext,
  object: T,
  status: NonNullable<T['status']>,
): Promise<T> {
  const stored = await patchStatus(ctx.client, object, status, fieldManagers.sourceStatus, { signal: ctx.signal })
  ctx.world.update(stored)
  return stored
}

function emit(
  ctx: SourceContext,
  object: Source,
  severity: 'info' | 'error',
  event: { readonly reason: string; readonly message: string },
  artifact?: SourceArtifact,
): void {
  const metadata = artifact === undefined ? {} : { revision: artifact.revision, digest: artifact.digest }
  const { reason, message } = event
  ctx.events.emit({ object, severity, reason, message, controller: 'source-controller', metadata })
}
