import type { GitRepository, HelmChart } from '../../api/index.ts'
import { EngineError, printUrl, toEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { isSameRepository, type SourceArtifact } from '../../sources/index.ts'
import { commitOf, pinOf } from '../safety/pin.ts'
import { lookAtBucket } from '../source/bucket.ts'
import { artifactAtCommit, artifactNow, artifactOfWorkingCopy } from '../source/git-at.ts'
import { lookAtHelmChart } from '../source/helm-chart.ts'
import type { SourceContext } from '../source/index.ts'
import { lookAtOciRepository } from '../source/oci-repository.ts'
import { isRefAffected } from '../source-match.ts'
import { idOf, idOfKey, isSource, originOf, type Source, type World } from '../world.ts'
import { hasLogin, isSameSource, withoutLogins, withSafeLogins } from './logins.ts'
import type { LocalCommits } from './local-commits.ts'
import type { ChangeRef } from './types.ts'

/** What the sources of one side are made from. */
export interface SideSources {
  readonly name: 'base' | 'head'
  readonly change: ChangeRef
  /** The world as the cluster has it. */
  readonly live: World
  /** The deployment's own client, which reads the credentials of the repository that the change is about. */
  readonly client: KubeClient
  /** Ids of sources that are in the world of the side without what they log in with (see {@link admittedSource}). */
  readonly stripped: ReadonlySet<string>
  readonly local?: LocalCommits | undefined
}

/** Whether a GitRepository follows the branch that a change goes to. One that is pinned stays where it is. */
export function isConcerned({ spec, metadata }: GitRepository, change: ChangeRef): boolean {
  const { ref } = spec
  // Of a commit that is named in the spec a change of the branch says nothing.
  if (ref?.commit !== undefined && ref.commit !== '') return false
  if (pinOf({ metadata }) !== undefined || !isRefAffected(ref, change.branch)) return false
  return change.urls.some((url) => isSameRepository(spec.url, url))
}

/** Whether what a source gives out may be another thing on both sides although its spec is the same: it is the repository of the change, or is made from it. */
export function followsChange(
  world: World,
  source: Source,
  change: ChangeRef,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  if (seen.has(idOf(source))) return false
  const before = new Set([...seen, idOf(source)])
  if (source.kind === 'GitRepository' && isConcerned(source, change)) return true
  return madeFrom(source).some((id) => {
    const found = world.get(id)
    return found?.kind === 'GitRepository' && followsChange(world, found, change, before)
  })
}

/** Ids of the sources that a source is made from: that of a HelmChart, those that a GitRepository includes. */
export function madeFrom(source: Source): readonly string[] {
  const origin = originOf(source)
  const included = source.kind === 'GitRepository' ? (source.spec.include ?? []) : []
  return [
    ...(origin === undefined ? [] : [idOfKey(origin)]),
    ...included.map(({ repository }) => `GitRepository/${source.metadata.namespace ?? ''}/${repository.name}`),
  ]
}

/**
 * The artifacts of one side, where they are not those that the cluster records: the repository of the change at the commit of the side, what is made from it, and sources that the change makes or
 * changes, looked at as a run would.
 *
 * Of a change from outside, nothing is fetched that logs in but the repository itself, and no source that the change makes or changes.
 */
export function sourcesOfSide(side: SideSources): NonNullable<SourceContext['given']> {
  return (ctx, object) => {
    const isOurs = object.kind === 'GitRepository' && isConcerned(object, side.change)
    if (side.change.secrets === 'withheld' && side.local === undefined && !isOurs)
      refuseForOutside(side, ctx.world, object)
    if (isOurs) return atCommit(ctx, side, object)
    const isChanged = !isSameSource(side.live, object)
    switch (object.kind) {
      case 'GitRepository':
        if (isChanged) return withStripped(ctx, side, object, (one) => artifactNow(ctx, one))
        return followsChange(ctx.world, object, side.change) ? withIncludes(ctx, side, object) : undefined
      case 'HelmChart':
        return chart(ctx, side, object, isChanged)
      case 'OCIRepository':
        if (!isChanged) return undefined
        return withStripped(ctx, side, object, async (one) => (await lookAtOciRepository(ctx, one)).artifact)
      case 'Bucket':
        if (!isChanged) return undefined
        return withStripped(ctx, side, object, async (one) => (await lookAtBucket(ctx, one)).artifact)
      default:
        return undefined
    }
  }
}

/** The repository of the change. What is in the cluster says how it is reached and verified: the change is not there yet. */
async function atCommit(ctx: SourceContext, side: SideSources, object: GitRepository): Promise<SourceArtifact> {
  const { change, live, name, local } = side
  if (local !== undefined) return artifactOfWorkingCopy(ctx, object, { commit: change[name], url: local.url })
  const known = live.get(idOf(object))
  const isKnown = known?.kind === 'GitRepository' && isConcerned(known, change)
  const { source } = withSafeLogins(live, object)
  const recorded = commitOf(object.status?.artifact?.revision ?? '')
  const reference = name === 'head' ? change.headRef : change.branch
  if (change.secrets === 'withheld' && object.spec.recurseSubmodules === true)
    throw outside(object, 'its submodules are other repositories, and may be private')
  return artifactAtCommit(ctx, object, {
    commit: change[name],
    remote: isKnown ? known : (source as GitRepository),
    as: { ...ctx, client: side.client },
    // What is on the branch was verified when it came there.
    isVerified: name === 'head',
    ...(reference === undefined ? {} : { reference }),
    ...previousOf(name === 'head' ? change.base : recorded),
  })
}

function previousOf(commit: string | undefined): { readonly previous?: string } {
  return commit === undefined ? {} : { previous: commit }
}

/** Another repository that includes the one of the change: as it is, with the include at the commit of the side. */
async function withIncludes(ctx: SourceContext, side: SideSources, object: GitRepository): Promise<SourceArtifact> {
  const commit = commitOf(object.status?.artifact?.revision ?? '')
  if (commit === undefined) return artifactNow(ctx, object)
  return artifactAtCommit(ctx, object, {
    commit,
    remote: object,
    as: { ...ctx, client: side.client },
    isVerified: false,
    ...previousOf(commit),
  })
}

/** A chart is looked at again where it, or what it is made from, is not what the cluster has. */
function chart(
  ctx: SourceContext,
  side: SideSources,
  object: HelmChart,
  isChanged: boolean,
): Promise<SourceArtifact> | undefined {
  const key = originOf(object)
  const origin = key === undefined ? undefined : ctx.world.get(idOfKey(key))
  const isOriginChanged = isSource(origin) && !isSameSource(side.live, origin)
  if (!isChanged && !isOriginChanged && !followsChange(ctx.world, object, side.change)) return undefined
  const isStripped = key !== undefined && side.stripped.has(idOfKey(key))
  return lookAtHelmChart(ctx, object).then(
    ({ artifact }) => artifact,
    (caught: unknown) => {
      throw isStripped ? withoutCredentials(side, toEngineError(caught)) : caught
    },
  )
}

/** Fetches a source that the change makes or changes, without logins that it must not use yet; what fails then says so. */
async function withStripped<T extends Source>(
  ctx: SourceContext,
  side: SideSources,
  object: T,
  fetch: (object: T) => Promise<SourceArtifact>,
): Promise<SourceArtifact> {
  const { source, isStripped } =
    side.change.secrets === 'withheld'
      ? { source: withoutLogins(object), isStripped: hasLogin(object) }
      : withSafeLogins(side.live, object)
  try {
    return await fetch(source as T)
  } catch (caught) {
    throw isStripped ? withoutCredentials(side, toEngineError(caught)) : caught
  }
}

function withoutCredentials({ local, change }: SideSources, error: EngineError): EngineError {
  if (error.code === 'aborted') return error
  const why =
    local !== undefined && change.secrets === 'withheld'
      ? 'which are in the cluster: with the cluster (--kubeconfig or --context) they are used'
      : 'because nothing in the cluster sends them to that host yet: after the merge they are used'
  return new EngineError(`${error.message}; it was fetched without its credentials, ${why}`, {
    code: error.code,
    reason: error.reason ?? 'ArtifactFailed',
    disposition: error.disposition,
    cause: error,
  })
}

/** Refuses what a change from outside may not have fetched, by what the cluster and the side have of it. @throws EngineError `source-withheld`. */
export function refuseForOutside(
  { live, change }: Pick<SideSources, 'live' | 'change'>,
  world: World,
  object: Source,
): void {
  const key = originOf(object)
  // A HelmChart follows from its release; what it is made from decides.
  const source = key === undefined ? object : world.get(idOfKey(key))
  const known = source === undefined ? undefined : live.get(idOf(source))
  if (!isSource(known) || !isSource(source)) throw outside(object, 'the change makes it')
  if (source.kind === 'GitRepository' && isConcerned(source, change)) return
  if (hasLogin(known)) throw outside(source, 'it is private')
  if (!isSameSource(live, withoutLogins(source))) throw outside(source, 'the change changes it')
}

function outside(source: Source, why: string): EngineError {
  const { kind, metadata } = source
  // What stands for a URL that no object has has no name.
  const isNamed = source.kind !== 'HelmRepository' || metadata.name !== ''
  const name = isNamed ? `${metadata.namespace ?? ''}/${metadata.name}` : printUrl(source.spec.url)
  return new EngineError(
    `${kind} '${name}' is not fetched for a change from outside: ${isNamed ? why : 'no HelmRepository in the cluster has this URL'}`,
    { code: 'source-withheld', reason: 'ArtifactFailed' },
  )
}

/**
 * A source as it may be in the world of a side. A HelmRepository is used by charts without a look at it here, so that it loses what it must not log in with: of a change from outside everything, of others what would go to a new
 * host. The other kinds are looked at when they are fetched.
 */
export function admittedSource(
  live: World,
  source: Source,
  change: ChangeRef,
): { readonly source: Source; readonly isStripped: boolean } {
  if (source.kind !== 'HelmRepository') return { source, isStripped: false }
  if (change.secrets === 'withheld') return { source: withoutLogins(source), isStripped: hasLogin(source) }
  return isSameSource(live, source) ? { source, isStripped: false } : withSafeLogins(live, source)
}
