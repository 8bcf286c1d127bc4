import { EngineError, toEngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import { parseRepositoryUrl } from '../../kustomize/index.ts'
import type { FileTree } from '../../ports/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { RunContext } from '../context.ts'
import { artifactFor } from '../safety/pinned-revision.ts'
import { idOf } from '../world.ts'
import { buildKustomization, cleanPath, type BuiltKustomization } from './build.ts'
import { loadDecryption, type Decryption } from './decrypt.ts'
import { inputsDigest, notedReads, type RecordedInputs } from './inputs.ts'
import { createRemoteBases, type RemoteBases } from './remote-bases.ts'
import { admit, admitRendered, tenantOfObject } from '../tenancy.ts'
import { loadVariables, type Variables } from './variables.ts'

/** A Kustomization rendered at the revision that its source has in this run. */
export interface Rendered {
  readonly built: BuiltKustomization
  readonly revision: string
  /** The revision that the artifact was made from, where it says so. */
  readonly originRevision: string | undefined
  /** What it was rendered from, so that a later revision with the same need not be; undefined where that cannot be told. */
  readonly inputs: RecordedInputs | undefined
}

/** Told while a Kustomization is rendered, so that a failure can be reported with what is known by then. */
export interface RenderObserver {
  readonly onRevision?: (revision: string, originRevision: string | undefined) => void
  /** Digest of what was fetched. */
  readonly onSource?: (digest: string) => void
  /** Knows the values that no message may hold. */
  readonly onDecryption?: (decryption: Decryption) => void
}

/** What a Kustomization is built from. */
export interface RenderInputs {
  readonly source: SourceArtifact
  readonly decryption: Decryption
  readonly variables: Variables
  /** Undefined: bases that are URLs are refused. */
  readonly remote: RemoteBases | undefined
}

/**
 * Fetches what a Kustomization needs and builds it.
 *
 * @throws EngineError with the reason of the phase that failed (`ArtifactFailed`, `BuildFailed`).
 */
export async function renderKustomization(
  ctx: RunContext,
  object: Kustomization,
  observer: RenderObserver = {},
): Promise<Rendered> {
  const source = await artifactFor(ctx, object)
  const originRevision = source.metadata?.['org.opencontainers.image.revision']
  observer.onRevision?.(source.revision, originRevision)
  observer.onSource?.(source.digest)
  const decryption = await loadDecryption(ctx, object)
  observer.onDecryption?.(decryption)
  const variables = await loadVariables(ctx.client, object, ctx.signal)
  const built = await buildFrom(ctx, object, { source, decryption, variables, remote: remoteBasesOf(ctx, object) })
  ctx.deps.caches.reads.set(idOf(object), built.reads.directories)
  if (tenantOfObject(ctx, object) !== undefined)
    await admitRendered(ctx, object, { objects: built.objects, client: await ctx.identities.of(object) })
  const { revision } = source
  const versions = [...decryption.versions, ...variables.versions]
  return { built, revision, originRevision, inputs: await recordInputs(ctx, { object, source, built, versions }) }
}

/** Builds a Kustomization from what was fetched. @throws EngineError as {@link renderKustomization}. */
export async function buildFrom(
  ctx: RunContext,
  object: Kustomization,
  { source, decryption, variables, remote }: RenderInputs,
): Promise<BuiltKustomization> {
  const known = ctx.deps.caches.reads.get(idOf(object))
  await source.prefetch(known ?? [cleanPath(object.spec.path ?? '')], ctx.signal)
  return await buildKustomization(object, source.files, variables.values, {
    strictSubstitution: ctx.deps.settings.strictSubstitution,
    signal: ctx.signal,
    decryption,
    remote,
  }).catch((error: unknown) => {
    throw withReason(decryption.redact(toEngineError(error)), 'BuildFailed')
  })
}

/** What bases that are URLs are fetched with: as the settings say, or the policy of the tenant, for which each URL counts as a source. Undefined: the build refuses them. */
export function remoteBasesOf(ctx: RunContext, object: Kustomization): RemoteBases | undefined {
  const { change } = ctx.job
  // Whoever proposes a change from outside would choose what is asked for.
  if (change?.secrets === 'withheld' && change.isOwn !== true) return undefined
  const tenant = tenantOfObject(ctx, object)
  if (tenant === undefined) return ctx.deps.settings.noRemoteBases ? undefined : createRemoteBases(ctx)
  const remote = createRemoteBases(ctx)
  return {
    resolve: remote.resolve,
    load: async (urls) => {
      admit(ctx, object, { bases: urls.map((url) => ({ field: 'spec.path', value: fetchedFrom(url) })) })
      await remote.load(urls)
    },
  }
}

/** The repository that a base is in, where that is on the host that the URL itself names: a file there is asked for first. */
function fetchedFrom(url: string): string {
  const repository = parseRepositoryUrl(url)?.url
  if (repository === undefined || !URL.canParse(repository)) return url
  if (/^https?:/i.test(url) && (!URL.canParse(url) || new URL(url).host !== new URL(repository).host)) return url
  return repository
}

/** What it takes to tell later that a render would be the same. */
async function recordInputs(
  ctx: RunContext,
  made: {
    readonly object: Kustomization
    readonly source: { readonly files: FileTree; readonly revision: string }
    readonly built: BuiltKustomization
    readonly versions: readonly string[]
  },
): Promise<RecordedInputs | undefined> {
  const { object, source, built, versions } = made
  const reads = built.isHermetic ? notedReads(built.reads) : undefined
  if (reads === undefined) return undefined
  const { settings } = ctx.deps
  const digest = await inputsDigest({ object, versions, settings }, source.files, reads, ctx.signal)
  return { digest, revision: source.revision, reads }
}

function withReason(error: EngineError, reason: string): EngineError {
  if (error.reason !== undefined || error.disposition === 'retry') return error
  return new EngineError(error.message, {
    code: error.code,
    disposition: error.disposition,
    reason,
    data: error.data,
    cause: error,
  })
}
