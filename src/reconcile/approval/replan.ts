import { sha256Hex, toEngineError } from '../../base/index.ts'
import type { GitRepository, HelmChart } from '../../api/index.ts'
import type { EngineDeps, ObjectKey } from '../job.ts'
import { pinOf } from '../safety/pin.ts'
import { commitsIn } from '../summary/revision.ts'
import { artifactKeyOf, idOfKey, originOf, sourceKeyOf, type Source, type Workload, type World } from '../world.ts'
import { getSigned, waitKey, type WaitRecord } from './records.ts'
import type { ApprovalStore, ReplanReason, ReplanWish } from './types.ts'

/** What a new plan would be of. */
export type ReplanPlace = Pick<ReplanWish, 'url' | 'branch' | 'base' | 'head'>

/** The new plans that a run asks for, each source and revision once. */
export interface Replans {
  /** The revision of the source that an object is made from: its own, but for a release, whose revision is the version of its chart. */
  readonly sourceRevision: (object: Workload, revision: string) => string | undefined
  /**
   * What a plan of an object's change would be of: its source is a branch of a Git repository, and what was applied before is known. Else why there can be none; undefined where the deployment makes none.
   *
   * @param revisions of what is to be applied, and what the object was let through with last.
   */
  readonly placeOf: (
    object: Workload,
    revisions: { readonly head: string; readonly applied: string | undefined },
  ) => ReplanPlace | { readonly why: string } | undefined
  readonly note: (place: ReplanPlace, waiting: ReplanReason, pullRequest: number | undefined) => void
  readonly finish: () => Promise<void>
}

/** A plan that was asked for is not asked for again within this time. */
const askedSeconds = 24 * 3600
/** Applications that are named as waiting, of one plan. */
const maxWaiting = 50

/** See {@link Replans}. That a plan cannot be asked for is logged: what waits can be approved without one. */
export function createReplans({
  deps,
  world,
}: {
  readonly deps: Pick<EngineDeps, 'cluster' | 'state' | 'requests' | 'logger'>
  readonly world: World
}): Replans {
  const wishes = new Map<string, ReplanWish & { readonly waiting: ReplanReason[] }>()
  const { plan } = deps.requests ?? {}
  const sourceRevision: Replans['sourceRevision'] = (object, revision) =>
    object.kind === 'Kustomization' ? revision : chartOf(world, object)?.status?.observedSourceArtifactRevision
  return {
    sourceRevision,
    placeOf: (object, { head: revision, applied }) => {
      if (plan === undefined) return undefined
      const source = branchOf(world, object)
      if ('why' in source) return source
      const head = commitIn(sourceRevision(object, revision))
      // What a release is made from is only known of what was let through; a Kustomization says it.
      const base = commitIn(object.kind === 'Kustomization' ? world.appliedRevision(object) : applied)
      if (base === undefined) return { why: 'because it is not known what is applied now' }
      if (head === undefined) return { why: 'because its source names no commit' }
      if (head === base)
        return { why: 'because the commit is the one that is applied: what has changed is not in its repository' }
      return { ...source, base, head }
    },
    note: (place, waiting, pullRequest) => {
      const key = JSON.stringify([place.url, place.branch, place.base, place.head, pullRequest ?? null])
      const known = wishes.get(key)
      if (known !== undefined) {
        if (known.waiting.length < maxWaiting) known.waiting.push(waiting)
        return
      }
      const { name: cluster } = deps.cluster
      wishes.set(key, {
        cluster,
        ...place,
        ...(pullRequest === undefined ? {} : { pullRequest }),
        waiting: [waiting],
      })
    },
    finish: async () => {
      if (plan === undefined) return
      for (const wish of wishes.values()) {
        const { cluster } = wish
        const key = askedKey(wish)
        try {
          if ((await deps.state.get(key)) !== undefined) continue
          await plan(wish)
          await deps.state.put(key, true, { ttlSeconds: askedSeconds })
        } catch (caught) {
          const { code, message } = toEngineError(caught)
          deps.logger.log('warn', 'no new plan was asked for', { cluster, code, error: message })
        }
      }
    },
  }
}

/** Under which it is remembered that a plan was asked for. The same commits are asked for again when it turns out which pull request has brought them. */
function askedKey({ cluster, url, branch, base, head, pullRequest }: ReplanWish): string {
  const of = sha256Hex(JSON.stringify([url, branch, pullRequest ?? null])).slice(0, 16)
  return `approval-replans/${cluster}/${base}/${head}/${of}`
}

/**
 * Whether a wish has come to nothing: of the applications that it names none waits any more, each was approved, or is for another commit by now, of which a run asks for a plan of its own.
 *
 * Effects: it may be asked for once more from now on. That is first: a run that notes what waits meanwhile either finds that nothing was asked for, or is seen here. @throws EngineError of the store.
 */
export async function isPassed(store: ApprovalStore, wish: ReplanWish): Promise<boolean> {
  const { cluster, head, waiting } = wish
  await store.state.delete(askedKey(wish))
  // There may be more than could be named.
  if (waiting.length >= maxWaiting) return false
  for (const { application } of waiting) {
    const wait = await getSigned<WaitRecord>(store, waitKey(cluster, application))
    if (wait === undefined || wait.approved !== undefined) continue
    // That of a release is the version of its chart.
    const commits = commitsIn(wait.revision)
    if (commits.length === 0 || commits.includes(head)) return false
  }
  return true
}

/** The repository that an object is made from, and the branch of it; or why there is none. */
function branchOf(world: World, object: Workload): Pick<ReplanPlace, 'url' | 'branch'> | { readonly why: string } {
  const what = object.kind === 'Kustomization' ? 'its source' : 'its chart'
  const key = object.kind === 'Kustomization' ? sourceKeyOf(object) : originKeyOf(world, object)
  const source = key === undefined ? undefined : world.get(idOfKey(key))
  if (source?.kind !== 'GitRepository') return { why: `because ${what} does not come from a Git repository` }
  if (pinOf(source) !== undefined) return { why: 'because its source is pinned' }
  const branch = followedBranch(source)
  return branch === undefined
    ? { why: `because ${what} does not follow a branch` }
    : { url: withoutPassword(source.spec.url), branch }
}

/** What the chart of a release is made from. */
function originKeyOf(world: World, object: Workload): ObjectKey | undefined {
  const chart = chartOf(world, object)
  return chart && originOf(chart)
}

function chartOf(world: World, object: Workload): (HelmChart & Source) | undefined {
  const key = artifactKeyOf(object)
  const chart = key === undefined ? undefined : world.get(idOfKey(key))
  return chart?.kind === 'HelmChart' ? chart : undefined
}

/** The full name of the branch that a source follows; precedence as source-controller 1.9. */
function followedBranch({ spec: { ref } }: GitRepository): string | undefined {
  const { commit = '', name = '', tag = '', semver = '', branch } = ref ?? {}
  if (commit !== '') return undefined
  if (name !== '') return name.startsWith('refs/heads/') ? name : undefined
  if (tag !== '' || semver !== '') return undefined
  return `refs/heads/${branch ?? 'master'}`
}

/** Plans are made of commits with names of SHA-1. */
function commitIn(revision: string | undefined): string | undefined {
  return commitsIn(revision).find((name) => name.length === 40)
}

/** What travels and is stored names the repository and nothing else. */
function withoutPassword(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (url.password === '' && !/^https?:$/.test(url.protocol)) return text
  url.password = ''
  if (/^https?:$/.test(url.protocol)) url.username = ''
  return url.href
}
