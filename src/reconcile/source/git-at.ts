import type { GitRepository } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { fetchArtifact, resolveRevision, type SourceArtifact } from '../../sources/index.ts'
import type { ObjectKey } from '../job.ts'
import { commitOf, revisionAt } from '../safety/pin.ts'
import { idOfKey } from '../world.ts'
import { admitSource } from './admit-source.ts'
import { currentIncludes } from './git.ts'
import { includedNow } from './git-include.ts'
import { refuseOutsider } from './git-pin.ts'
import { contentOptions, gitDeps, observedContent, remoteOf, verificationOf } from './git-request.ts'
import type { SourceContext } from './index.ts'

/** See SourceResults.artifactAt. Whoever asks for the same in one run shares it. */
export function sharedArtifactAt(
  ctx: SourceContext,
  key: ObjectKey,
  revision: string,
  options: { readonly isKnown: boolean },
): Promise<SourceArtifact> {
  const id = `artifact ${idOfKey(key)} ${revision} ${options.isKnown}`
  const found = (ctx.shared.get(id) as Promise<SourceArtifact> | undefined) ?? artifactAt(ctx, key, revision, options)
  ctx.shared.set(id, found)
  return found
}

async function artifactAt(
  ctx: SourceContext,
  key: ObjectKey,
  revision: string,
  { isKnown }: { readonly isKnown: boolean },
): Promise<SourceArtifact> {
  const object = ctx.world.get(idOfKey(key))
  const commit = commitOf(revision)
  if (object?.kind !== 'GitRepository' || commit === undefined) {
    throw new EngineError(
      `${key.kind} '${key.namespace}/${key.name}' cannot be fetched at ${revision}: only a GitRepository is there, and has commits, to choose from`,
      { code: 'pin-unsupported', reason: 'ArtifactFailed', disposition: 'wait' },
    )
  }
  admitSource(ctx, object)
  const remote = await remoteOf(ctx, object)
  if (!isKnown) {
    const head = await resolveRevision(gitDeps(ctx, object), remote)
    if (head.commit !== commit) await refuseOutsider(ctx, object, head.commit, commit)
  }
  const verify = await verificationOf(ctx, object)
  return fetchArtifact(gitDeps(ctx, object), {
    ...remote,
    ...contentOptions(observedContent(object)),
    include: await currentIncludes(ctx, object),
    resolved: { revision, commit },
    ...(verify === undefined ? {} : { verify }),
  })
}

/** A commit to fetch a repository at, whether or not its reference leads there. */
export interface ChosenCommit {
  readonly commit: string
  /** A ref from which it can be reached, for servers that do not give out single commits. */
  readonly reference?: string
  /** The repository whose URL, credentials and keys are used: the one of the cluster, where `object` is what a change makes of it. */
  readonly remote: GitRepository
  /** Reads the Secrets of `remote`. */
  readonly as: SourceContext
  /** Whether signatures are verified as `remote` asks for. */
  readonly isVerified: boolean
  /** A commit whose objects are at hand. */
  readonly previous?: string
}

/**
 * The artifact of a GitRepository at a commit that somebody trusted has named: nothing is asked about the reference. The content is shown as the spec of `object` says.
 *
 * @throws EngineError of fetchArtifact, and where a signature is missing or wrong.
 */
export async function artifactAtCommit(
  ctx: SourceContext,
  object: GitRepository,
  { commit, reference, remote, as, isVerified, previous }: ChosenCommit,
): Promise<SourceArtifact> {
  const from = await remoteOf(as, remote)
  const verify = isVerified ? await verificationOf(as, remote) : undefined
  const { includes } = await includedNow(ctx, object)
  const { name, branch = 'master' } = object.spec.ref ?? {}
  const revision = revisionAt(object.status?.artifact?.revision ?? `${name ?? branch}@sha1:`, commit)
  return fetchArtifact(gitDeps(ctx, object), {
    ...from,
    ...contentOptions(object.spec),
    include: includes,
    resolved: { revision, commit, ...(reference === undefined ? {} : { reference }) },
    ...(previous === undefined ? {} : { previous }),
    ...(verify === undefined ? {} : { verify }),
  })
}

/**
 * The artifact of a GitRepository at a commit of a working copy that `url` answers for, which nothing is logged in at. Nobody has signed what is not pushed yet, so that nothing is verified.
 *
 * @throws EngineError of fetchArtifact.
 */
export async function artifactOfWorkingCopy(
  ctx: SourceContext,
  object: GitRepository,
  { commit, url }: { readonly commit: string; readonly url: string },
): Promise<SourceArtifact> {
  const { includes } = await includedNow(ctx, object)
  const { name, branch = 'master' } = object.spec.ref ?? {}
  return fetchArtifact(gitDeps(ctx, object), {
    url,
    relativeTo: object.spec.url,
    signal: ctx.signal,
    ...contentOptions(object.spec),
    include: includes,
    resolved: { revision: revisionAt(`${name ?? branch}@sha1:`, commit), commit },
  })
}

/** The artifact of a GitRepository as its spec asks for it now, without a look into its status. @throws EngineError as {@link artifactAtCommit}. */
export async function artifactNow(ctx: SourceContext, object: GitRepository): Promise<SourceArtifact> {
  const remote = await remoteOf(ctx, object)
  const verify = await verificationOf(ctx, object)
  const { includes } = await includedNow(ctx, object)
  return fetchArtifact(gitDeps(ctx, object), {
    ...remote,
    ...contentOptions(object.spec),
    include: includes,
    resolved: await resolveRevision(gitDeps(ctx, object), remote),
    ...(verify === undefined ? {} : { verify }),
  })
}
