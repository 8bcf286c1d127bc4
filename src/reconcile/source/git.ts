import { fieldManagers, finalizer, type GitRepository, type GitRepositoryStatus } from '../../api/index.ts'
import { EngineError, parseDuration, toEngineError } from '../../base/index.ts'
import { addFinalizer, patchStatus, removeFinalizer } from '../../kube/index.ts'
import {
  fetchArtifact,
  gitCredentials,
  resolveRevision,
  type GitArtifact,
  type GitDeps,
  type RequestCredentials,
  type SecretData,
} from '../../sources/index.ts'
import { failedGitStatus, fetchedGitStatus } from './status.ts'
import type { SourceContext } from './index.ts'

/**
 * One look at a GitRepository, as source-controller's reconcile (1.9): resolve the reference with one request, fetch when the revision
 * is new, write status and events. Returns the artifact, or undefined when there is none to be had now (the status says why).
 *
 * Effects: `.status` (artifact, conditions Ready, ArtifactInStorage, FetchFailed), events NewArtifact and failures.
 */
export async function refreshGitRepository(
  ctx: SourceContext,
  object: GitRepository,
): Promise<GitArtifact | undefined> {
  if (object.metadata.deletionTimestamp !== undefined) {
    await removeFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    ctx.world.remove(object)
    return undefined
  }
  if (object.spec.suspend === true) return undefined
  let current = object
  try {
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    if (held === undefined) return undefined
    current = held
    refuseUnsupported(current)
    const request = await requestOf(ctx, current)
    const resolved = await resolveRevision(gitDeps(ctx), request)
    const artifact = await fetchArtifact(gitDeps(ctx), { ...request, ...previousCommit(current), resolved })
    if (!isUpToDate(current, artifact)) {
      const isNew = current.status?.artifact?.revision !== artifact.revision
      current = await store(
        ctx,
        current,
        fetchedGitStatus(current, artifact, ctx.deps.settings.publicUrl, ctx.deps.clock.now()),
      )
      if (isNew)
        emit(ctx, current, 'info', 'NewArtifact', `stored artifact for commit '${subjectOf(artifact)}'`, artifact)
    }
    return artifact
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'cluster-unreachable' || error.code === 'aborted') throw error
    const reason = error.reason ?? 'GitOperationFailed'
    await store(
      ctx,
      current,
      failedGitStatus(current, reason, error.message, error.disposition === 'stall', ctx.deps.clock.now()),
    )
    emit(ctx, current, 'error', reason, error.message)
    return undefined
  }
}

/** The artifact recorded in the status, fetched (from the cache, as a rule) without asking the server what is new. */
export async function currentArtifact(ctx: SourceContext, object: GitRepository): Promise<GitArtifact> {
  const revision = object.status?.artifact?.revision ?? ''
  const commit = revision.slice(revision.lastIndexOf(':') + 1)
  return await fetchArtifact(gitDeps(ctx), { ...(await requestOf(ctx, object)), resolved: { revision, commit } })
}

function gitDeps(ctx: SourceContext): GitDeps {
  const { http, clock, caches, limits, settings } = ctx.deps
  return { http, clock, cache: caches.git, limits: limits.git, egress: settings.egress }
}

async function requestOf(ctx: SourceContext, object: GitRepository) {
  const { spec } = object
  return {
    url: spec.url,
    credentials: await loadCredentials(ctx, object),
    signal: withTimeout(ctx, object),
    ...(spec.ref === undefined ? {} : { ref: spec.ref }),
    ...(spec.verify === undefined ? {} : { verify: spec.verify }),
    ...(spec.recurseSubmodules === undefined ? {} : { recurseSubmodules: spec.recurseSubmodules }),
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(spec.sparseCheckout === undefined ? {} : { sparseCheckout: spec.sparseCheckout }),
  }
}

function previousCommit(object: GitRepository): { previous?: string } {
  const revision = object.status?.artifact?.revision
  return revision === undefined ? {} : { previous: revision.slice(revision.lastIndexOf(':') + 1) }
}

const defaultTimeoutMs = 60_000

function withTimeout(ctx: SourceContext, object: GitRepository): AbortSignal {
  const wanted = object.spec.timeout === undefined ? defaultTimeoutMs : parseDuration(object.spec.timeout)
  return AbortSignal.any([ctx.signal, AbortSignal.timeout(wanted)])
}

function isUpToDate(object: GitRepository, artifact: GitArtifact): boolean {
  const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return (
    object.status?.artifact?.revision === artifact.revision &&
    object.status.artifact.digest === artifact.digest &&
    object.status.observedGeneration === object.metadata.generation &&
    ready?.status === 'True' &&
    (requestedAt === undefined || object.status.lastHandledReconcileAt === requestedAt)
  )
}

async function loadCredentials(ctx: SourceContext, object: GitRepository): Promise<RequestCredentials> {
  const { spec } = object
  const reference = spec.secretRef
  const common = { url: spec.url, ...(spec.provider === undefined ? {} : { provider: spec.provider }) }
  if (reference === undefined) return gitCredentials(common)
  const namespace = object.metadata.namespace ?? ''
  const secret = await ctx.client.get<{ data?: { [key: string]: string } }>(
    { apiVersion: 'v1', kind: 'Secret', namespace, name: reference.name },
    { signal: ctx.signal },
  )
  if (secret === undefined) {
    throw new EngineError(
      `failed to get secret '${namespace}/${reference.name}': it does not exist; create it, or correct spec.secretRef`,
      {
        code: 'secret-missing',
        reason: 'AuthenticationFailed',
        disposition: 'retry',
      },
    )
  }
  const data: { [key: string]: Uint8Array } = {}
  for (const [key, value] of Object.entries(secret.data ?? {}))
    data[key] = Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
  return gitCredentials({ ...common, secret: data satisfies SecretData })
}

function refuseUnsupported(object: GitRepository): void {
  const { spec } = object
  const refuse = (field: string): never => {
    throw new EngineError(
      `spec.${field} is not supported yet; remove it, or leave this source to Flux's own controller`,
      {
        code: 'git-field-unsupported',
        reason: 'GitOperationFailed',
        data: { field },
      },
    )
  }
  if ((spec.include ?? []).length > 0) refuse('include')
  if (spec.proxySecretRef !== undefined) refuse('proxySecretRef')
}

async function store(ctx: SourceContext, object: GitRepository, status: GitRepositoryStatus): Promise<GitRepository> {
  const stored = await patchStatus(ctx.client, object, status, fieldManagers.sourceStatus, { signal: ctx.signal })
  ctx.world.update(stored)
  return stored
}

/** The first line of the commit's message, at most fifty characters. */
function subjectOf(artifact: GitArtifact): string {
  return (artifact.commit.message.split('\n')[0] ?? '').slice(0, 50)
}

function emit(
  ctx: SourceContext,
  object: GitRepository,
  severity: 'info' | 'error',
  reason: string,
  message: string,
  artifact?: GitArtifact,
): void {
  const metadata = artifact === undefined ? {} : { revision: artifact.revision, digest: artifact.digest }
  ctx.events.emit({ object, severity, reason, message, controller: 'source-controller', metadata })
}
