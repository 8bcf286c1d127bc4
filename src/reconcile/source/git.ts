import { fieldManagers, type GitRepository, type GitRepositoryStatus } from '../../api/index.ts'
import { EngineError, parseDuration, toEngineError } from '../../base/index.ts'
import { ensureFinalizer, patchStatus, removeFinalizer } from '../../kube/index.ts'
import type { Artifact } from '../../ports/index.ts'
import { credentialsFromSecret, fetchArtifact, resolveRevision, type GitCredentials } from '../../sources/index.ts'
import { failedGitStatus, fetchedGitStatus } from './status.ts'
import type { SourceContext } from './index.ts'

/**
 * One look at a GitRepository, as source-controller's reconcile (1.9): resolve the reference with one request, fetch when the revision
 * is new, write status and events. Returns the artifact, or undefined when there is none to be had now (the status says why).
 *
 * Effects: `.status` (artifact, conditions Ready, ArtifactInStorage, FetchFailed), events NewArtifact and failures.
 */
export async function refreshGitRepository(ctx: SourceContext, object: GitRepository): Promise<Artifact | undefined> {
  if (object.metadata.deletionTimestamp !== undefined) {
    await removeFinalizer(ctx.client, object, { signal: ctx.signal })
    ctx.world.remove(object)
    return undefined
  }
  if (object.spec.suspend === true) return undefined
  let current = object
  try {
    current = await ensureFinalizer(ctx.client, object, { signal: ctx.signal })
    refuseUnsupported(current)
    const credentials = await loadCredentials(ctx, current)
    const request = { url: current.spec.url, ...(current.spec.ref === undefined ? {} : { ref: current.spec.ref }), ...(credentials === undefined ? {} : { credentials }), signal: withTimeout(ctx, current) }
    const resolved = await resolveRevision(gitDeps(ctx), request)
    const artifact = await fetchArtifact(gitDeps(ctx), { ...request, ...resolved, ...filters(current) })
    if (!isUpToDate(current, artifact)) {
      const isNew = current.status?.artifact?.revision !== artifact.revision
      current = await store(ctx, current, fetchedGitStatus(current, artifact, ctx.deps.settings.publicUrl, ctx.deps.clock.now()))
      if (isNew) emit(ctx, current, 'info', 'NewArtifact', `stored artifact for commit '${subjectOf(artifact)}'`, artifact)
    }
    return artifact
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'cluster-unreachable' || error.code === 'aborted') throw error
    const reason = error.reason ?? 'GitOperationFailed'
    await store(ctx, current, failedGitStatus(current, reason, error.message, error.disposition === 'stall', ctx.deps.clock.now()))
    emit(ctx, current, 'error', reason, error.message)
    return undefined
  }
}

/** The artifact recorded in the status, fetched (from the cache, as a rule) without asking the server what is new. */
export async function currentArtifact(ctx: SourceContext, object: GitRepository): Promise<Artifact> {
  const revision = object.status?.artifact?.revision ?? ''
  const credentials = await loadCredentials(ctx, object)
  const commit = revision.slice(revision.lastIndexOf(':') + 1)
  return await fetchArtifact(gitDeps(ctx), {
    url: object.spec.url,
    ...(object.spec.ref === undefined ? {} : { ref: object.spec.ref }),
    ...(credentials === undefined ? {} : { credentials }),
    revision,
    commit,
    ...filters(object),
    signal: withTimeout(ctx, object),
  })
}

function gitDeps(ctx: SourceContext) {
  return { http: ctx.deps.http, cache: ctx.deps.caches.git, clock: ctx.deps.clock }
}

function filters(object: GitRepository) {
  return {
    ...(object.spec.ignore === undefined ? {} : { ignore: object.spec.ignore }),
    ...(object.spec.sparseCheckout === undefined ? {} : { sparse: object.spec.sparseCheckout }),
  }
}

const defaultTimeoutMs = 60_000

function withTimeout(ctx: SourceContext, object: GitRepository): AbortSignal {
  const wanted = object.spec.timeout === undefined ? defaultTimeoutMs : parseDuration(object.spec.timeout)
  return AbortSignal.any([ctx.signal, AbortSignal.timeout(wanted)])
}

function isUpToDate(object: GitRepository, artifact: Artifact): boolean {
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

async function loadCredentials(ctx: SourceContext, object: GitRepository): Promise<GitCredentials | undefined> {
  const reference = object.spec.secretRef
  if (reference === undefined) return undefined
  const namespace = object.metadata.namespace ?? ''
  const secret = (await ctx.client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name: reference.name }, { signal: ctx.signal })) as
    | { data?: { [key: string]: string } }
    | undefined
  if (secret === undefined) {
    throw new EngineError(`failed to get secret '${namespace}/${reference.name}': it does not exist; create it, or correct spec.secretRef`, {
      code: 'secret-missing',
      reason: 'AuthenticationFailed',
      disposition: 'retry',
    })
  }
  return credentialsFromSecret(secret.data ?? {})
}

function refuseUnsupported(object: GitRepository): void {
  const { spec } = object
  const refuse = (field: string): never => {
    throw new EngineError(`spec.${field} is not supported yet; remove it, or leave this source to Flux's own controller`, {
      code: 'git-field-unsupported',
      reason: 'GitOperationFailed',
      data: { field },
    })
  }
  if (spec.verify !== undefined) refuse('verify')
  if (spec.recurseSubmodules === true) refuse('recurseSubmodules')
  if ((spec.include ?? []).length > 0) refuse('include')
  if (spec.proxySecretRef !== undefined) refuse('proxySecretRef')
  if (spec.provider !== undefined && spec.provider !== 'generic') refuse(`provider '${spec.provider}'`)
  if (spec.url.startsWith('ssh://')) refuse('url with ssh://')
}

async function store(ctx: SourceContext, object: GitRepository, status: GitRepositoryStatus): Promise<GitRepository> {
  const stored = await patchStatus(ctx.client, object, status, { manager: fieldManagers.sourceStatus, signal: ctx.signal })
  ctx.world.update(stored)
  return stored
}

function subjectOf(artifact: Artifact): string {
  return (artifact.metadata?.['subject'] ?? artifact.revision).slice(0, 50)
}

function emit(ctx: SourceContext, object: GitRepository, severity: 'info' | 'error', reason: string, message: string, artifact?: Artifact): void {
  const metadata = artifact === undefined ? {} : { revision: artifact.revision, digest: artifact.digest }
  ctx.events.emit({ object, severity, reason, message, controller: 'source-controller', metadata })
}
