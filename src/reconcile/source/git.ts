import {
  fieldManagers,
  finalizer,
  getCondition,
  ownAnnotations,
  type ArtifactStatus,
  type GitRepository,
  type GitRepositoryStatus,
} from '../../api/index.ts'
import { toEngineError, type EngineError } from '../../base/index.ts'
import { addFinalizer, endsRun, patchStatus, removeFinalizer } from '../../kube/index.ts'
import { fetchArtifact, resolveRevision, type GitArtifact, type GitInclude } from '../../sources/index.ts'
import { admitSource } from './admit-source.ts'
import { includedBefore, includedNow } from './git-include.ts'
import { contentOptions, gitDeps, observedContent, remoteOf, verificationOf, type GitContent } from './git-request.ts'
import { failedGitStatus, fetchedGitStatus, gitArtifactPath, hasFailed, unchangedGitStatus } from './status.ts'
import { isPinTold, pinned, withPin } from './git-pin.ts'
import type { SourceContext } from './index.ts'
import { artifactUrl, dropStored, keepStored, readStored } from './stored-artifact.ts'

/**
 * One look at a GitRepository, as source-controller's reconcile (1.9): resolve the reference with one request, fetch when the revision or what the artifact is made with
 * is new, verify, write status and events. Returns a new artifact; undefined when the recorded one is still right (it is fetched when somebody asks for it), or when there is none to be had now
 * (the status says why).
 *
 * Effects: `.status` (artifact, observed fields, conditions Ready, ArtifactInStorage, SourceVerified, FetchFailed, IncludeUnavailable, StorageOperationFailed), events NewArtifact, Succeeded
 * after a failure, and failures.
 */
export async function refreshGitRepository(
  ctx: SourceContext,
  object: GitRepository,
): Promise<GitArtifact | undefined> {
  if (object.metadata.deletionTimestamp !== undefined) {
    await dropStored(ctx, object.status?.artifact)
    await removeFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    ctx.world.remove(object)
    return undefined
  }
  if (object.spec.suspend === true) return undefined
  let current = object
  const seen: { revision?: string } = {}
  try {
    const held = await addFinalizer(ctx.client, object, finalizer, fieldManagers.sourceStatus, { signal: ctx.signal })
    if (held === undefined) return undefined
    current = held
    admitSource(ctx, current)
    return await lookAt(ctx, current, seen)
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw error
    const reason = error.reason ?? 'GitOperationFailed'
    const message = messageOf(error, reason)
    const failure = { reason, message, isStalled: error.disposition === 'stall', ...seen }
    await store(ctx, current, failedGitStatus(current, failure, ctx.deps.clock.now()))
    const isWaiting = error.disposition === 'wait'
    emit(ctx, current, { severity: isWaiting ? 'info' : 'error', reason, message })
    return undefined
  }
}

/** The artifact recorded in the status, made again with what it was made with then (from the cache, as a rule), without asking the server what is new. */
export async function currentArtifact(ctx: SourceContext, object: GitRepository): Promise<GitArtifact> {
  const include = await currentIncludes(ctx, object)
  const recorded = object.status?.artifact
  const artifact = await artifactAt(ctx, object, recorded?.revision ?? '', {
    content: observedContent(object),
    include,
  })
  // Packed or not, or by Flux: an artifact is known by the digest that its status has.
  return recorded === undefined ? artifact : { ...artifact, digest: recorded.digest }
}

/** What the recorded artifact of a repository includes. */
export function currentIncludes(ctx: SourceContext, object: GitRepository): Promise<readonly GitInclude[]> {
  return includedBefore(ctx, object, (repository, revision) => {
    const { include: _, ...content } = observedContent(repository)
    return artifactAt(ctx, repository, revision, { content, include: [] })
  })
}

async function artifactAt(
  ctx: SourceContext,
  object: GitRepository,
  revision: string,
  made: { readonly content: GitContent; readonly include: readonly GitInclude[] },
): Promise<GitArtifact> {
  return fetchArtifact(gitDeps(ctx, object), {
    ...(await remoteOf(ctx, object)),
    ...contentOptions(made.content),
    include: made.include,
    resolved: { revision, commit: commitOf(revision) },
    onLfsPointer: (path) => emitLfsPointer(ctx, object, path),
  })
}

async function lookAt(
  ctx: SourceContext,
  object: GitRepository,
  seen: { revision?: string },
): Promise<GitArtifact | undefined> {
  const { deps } = ctx
  const remote = await remoteOf(ctx, object)
  const included = await includedNow(ctx, object)
  const head = await resolveRevision(gitDeps(ctx, object), remote)
  const resolved = await pinned(ctx, object, head)
  seen.revision = resolved.revision
  const recorded = object.status?.artifact
  const archive = wantsArchive(ctx, object)
  const isAtHand = !archive || (await readStored(ctx, recorded)) !== undefined
  if (recorded !== undefined && isAtHand && isSameContent(object, resolved.revision, included.artifacts)) {
    const url = artifactUrl(ctx, recorded.path, { hasFile: archive })
    if (isSettled(object) && isPinTold(object, head) && recorded.url === url) return undefined
    const status = unchangedGitStatus(object, { ...recorded, url }, deps.clock.now())
    const stored = await store(ctx, object, withPin(object, status, head, deps.clock.now()))
    if (hasFailed(object)) {
      const message = `stored artifact for revision '${recorded.revision}'`
      emit(ctx, stored, { severity: 'info', reason: 'Succeeded', message, artifact: recorded })
    }
    return undefined
  }
  const verification = await verificationOf(ctx, object)
  const artifact = await fetchArtifact(gitDeps(ctx, object), {
    ...remote,
    ...contentOptions(object.spec),
    ...(recorded === undefined ? {} : { previous: commitOf(recorded.revision) }),
    ...(verification === undefined ? {} : { verify: verification }),
    include: included.includes,
    resolved,
    archive,
    onLfsPointer: (path) => emitLfsPointer(ctx, object, path),
  })
  const fetched = {
    artifact,
    includedArtifacts: included.artifacts,
    ...(artifact.verified === undefined ? {} : { verified: artifact.verified }),
  }
  if (artifact.packed !== undefined) await keepStored(ctx, gitArtifactPath(object, artifact.revision), artifact.packed)
  const urlOf = (path: string): string => artifactUrl(ctx, path, { hasFile: archive })
  const status = fetchedGitStatus(object, fetched, urlOf, deps.clock.now())
  const stored = await store(ctx, object, withPin(object, status, head, deps.clock.now()))
  const isNew = recorded?.digest !== artifact.digest
  if (isNew || hasFailed(object)) {
    const message = `stored artifact for commit '${shortMessage(artifact)}'`
    emit(ctx, stored, { severity: 'info', reason: isNew ? 'NewArtifact' : 'Succeeded', message, artifact })
  }
  return artifact
}

/** True where the artifact is packed into a file for those who download it; a render needs none. */
function wantsArchive(ctx: SourceContext, object: GitRepository): boolean {
  return ctx.deps.settings.gitArchives || object.metadata.annotations?.[ownAnnotations.archive] === 'enabled'
}

/** True where fetching again would give the recorded artifact (source-controller's gitContentConfigChanged, and signatures that were verified as they are asked for now). */
function isSameContent(object: GitRepository, revision: string, included: readonly ArtifactStatus[]): boolean {
  const { spec, status } = object
  const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
  const versions = (artifacts: readonly ArtifactStatus[] | undefined): string[] =>
    (artifacts ?? []).map((artifact) => `${artifact.revision} ${artifact.digest}`)
  const wantedMode = spec.verify === undefined ? undefined : (spec.verify.mode ?? 'HEAD').replace('head', 'HEAD')
  return (
    normalizeRevision(status?.artifact?.revision ?? '') === normalizeRevision(revision) &&
    isEqual(spec.ignore, status?.observedIgnore) &&
    (spec.recurseSubmodules ?? false) === (status?.observedRecurseSubmodules ?? false) &&
    isEqual(spec.include ?? [], status?.observedInclude ?? []) &&
    isEqual(spec.sparseCheckout ?? [], status?.observedSparseCheckout ?? []) &&
    isEqual(versions(included), versions(status?.includedArtifacts)) &&
    wantedMode === status?.sourceVerificationMode &&
    (wantedMode === undefined || getCondition(status?.conditions, 'SourceVerified')?.status === 'True')
  )
}

/** True where the status says already that all is well with this generation, and the last request is answered. */
function isSettled(object: GitRepository): boolean {
  const { status, metadata } = object
  const requestedAt = metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return (
    status?.observedGeneration === metadata.generation &&
    getCondition(status?.conditions, 'Ready')?.status === 'True' &&
    !hasFailed(object) &&
    (requestedAt === undefined || status?.lastHandledReconcileAt === requestedAt)
  )
}

/** A revision in today's form; older versions of Flux wrote `main/<hash>` or the hash alone. */
function normalizeRevision(revision: string): string {
  return revision.replace(/(^|\/)([0-9a-f]{40})$/, (_, slash: string, hash: string) =>
    slash === '' ? `sha1:${hash}` : `@sha1:${hash}`,
  )
}

function commitOf(revision: string): string {
  return /[0-9a-f]{40}$/.exec(revision)?.[0] ?? ''
}

/** Errors of the remote are shown as Flux shows them; those that say it all themselves stay as they are. */
function messageOf(error: EngineError, reason: string): string {
  if (reason !== 'GitOperationFailed' || error.code === 'git-sparse-checkout') return error.message
  return `failed to checkout and determine revision: ${error.message}`
}

async function store(ctx: SourceContext, object: GitRepository, status: GitRepositoryStatus): Promise<GitRepository> {
  const stored = await patchStatus(ctx.client, object, status, fieldManagers.sourceStatus, { signal: ctx.signal })
  ctx.world.update(stored)
  return stored
}

/** The first line of the commit's message, at most fifty characters of it. */
function shortMessage(artifact: GitArtifact): string {
  const subject = Array.from(artifact.commit.message.split('\n')[0] ?? '')
  return subject.length > 50 ? `${subject.slice(0, 50).join('')}...` : subject.join('')
}

function emitLfsPointer(ctx: SourceContext, object: GitRepository, path: string): void {
  const message =
    `${JSON.stringify(path)} is a pointer of Git LFS: its content is not in the repository and was not fetched. ` +
    'Store the file in Git itself (git lfs untrack), or hide it with spec.ignore'
  emit(ctx, object, { severity: 'error', reason: 'GitLFSPointer', message })
}

function emit(
  ctx: SourceContext,
  object: GitRepository,
  event: {
    readonly severity: 'info' | 'error'
    readonly reason: string
    readonly message: string
    readonly artifact?: { readonly revision: string; readonly digest: string }
  },
): void {
  const { artifact, ...rest } = event
  const metadata = artifact === undefined ? {} : { revision: artifact.revision, digest: artifact.digest }
  ctx.events.emit({ object, ...rest, controller: 'source-controller', metadata })
}
