import { EngineError, sha256Hex } from '../../base/index.ts'
import { planDigest, type DigestApplication } from '../../plan/index.ts'
import {
  applicationOf,
  applicationPrefix,
  getSigned,
  keyOfApplication,
  lastName,
  listSigned,
  maxApplications,
  maxPlans,
  partKey,
  putSigned,
  waitKey,
  type PartRecord,
  type PlannedRecord,
} from './records.ts'
import { readWaits } from './waits.ts'
import type {
  ApplicationDigest,
  ApprovalNote,
  Approved,
  ApprovedCluster,
  ApprovalStore,
  ApprovalWish,
  PlannedPart,
} from './types.ts'

/** Clusters of one plan. */
const maxClusters = 500

/** The digests of one application, each part for itself. @throws EngineError `plan-key-short`. */
export function applicationDigest(application: DigestApplication, key: Uint8Array): ApplicationDigest {
  const [own] = planDigest([application], key).clusters
  if (own === undefined)
    throw new EngineError('a digest without an application', { code: 'no-digest', disposition: 'bug' })
  const { desired, artifacts, live } = own
  return { desired, artifacts, live }
}

/**
 * Remembers what a cluster's part of a plan would make of each application, as digests, until it is approved or a month is over. Made again with the same outcome it keeps its approval; with
 * another one the approval is gone, for somebody has seen something else.
 *
 * Effects: one record for the part, and one for each application. @throws EngineError `plan-too-large`, `plan-key-short`, those of the store.
 */
export async function notePlanned(store: ApprovalStore, { change, cluster, digests }: PlannedPart): Promise<void> {
  if (digests.length > maxApplications)
    throw new EngineError(
      `the plan changes ${digests.length} applications of ${cluster}; at most ${maxApplications} can be approved at once: split the change`,
      { code: 'plan-too-large', disposition: 'stall' },
    )
  const { plan, repository, pullRequest, branch, head } = change
  const more = {
    ...(pullRequest === undefined ? {} : { pullRequest }),
    ...(change.afterMerge === true ? { afterMerge: true as const } : {}),
  }
  const at = store.clock.now()
  const planned = digests.map((one) => ({ id: applicationOf(one), digest: applicationDigest(one, store.key) }))
  const digest = sha256Hex(JSON.stringify(planned.toSorted((a, b) => (a.id < b.id ? -1 : 1))))
  const key = partKey(plan, cluster)
  // The applications first: an approval in between counts for what it can find only, and for nothing of another part.
  for (const { id, digest: own } of planned) {
    const record: PlannedRecord = { plan, at, part: digest, ...more, ...own }
    const prefix = applicationPrefix(cluster, id)
    await putSigned(store, `${prefix}${plan}`, record)
    await forgetOldest(store, prefix, plan)
  }
  const known = await getSigned<PartRecord>(store, key)
  const part: PartRecord = {
    plan,
    cluster,
    repository,
    ...more,
    branch,
    head,
    // Who has seen it as it was made first has seen what it says now.
    at: known?.digest === digest ? known.at : at,
    applications: planned.map(({ id }) => id),
    digest,
    ...(known?.approved === undefined || known.digest !== digest ? {} : { approved: known.approved }),
  }
  await putSigned(store, key, part)
}

/** What a plan touches on one cluster. */
export interface PlannedCluster extends ApprovedCluster {
  /** The last approval of it. */
  readonly approved?: ApprovalNote
}

/** What a plan touches, as it is known by now; empty where there is no such plan. @throws EngineError of the store. */
export async function listPlanned(store: ApprovalStore, plan: string): Promise<readonly PlannedCluster[]> {
  const parts = await listSigned<PartRecord>(store, partKey(plan, ''), { limit: maxClusters })
  return [...parts.values()].map(({ cluster, applications, approved }) => ({
    cluster,
    applications: applications.map(keyOfApplication),
    ...(approved === undefined ? {} : { approved }),
  }))
}

/** Keeps the newest plans of an application. */
async function forgetOldest(store: ApprovalStore, prefix: string, own: string): Promise<void> {
  const records = [...(await listSigned<PlannedRecord>(store, prefix, { limit: maxPlans * 2 }))].filter(
    ([name]) => name !== lastName,
  )
  if (records.length <= maxPlans) return
  const byAge = records.filter(([name]) => name !== own).toSorted(([, a], [, b]) => a.at - b.at)
  for (const [name] of byAge.slice(0, records.length - maxPlans)) await store.state.delete(`${prefix}${name}`)
}

/**
 * Approves a plan, as it is known by now: what it would make of the applications is applied without asking once the branch says the same. A part that is made later is not approved, for nobody can have seen it.
 *
 * Effects: one write for each cluster, and what is known to wait there is looked at anew. Approving twice changes nothing, but for who did it last.
 *
 * @returns what is let through, to be looked at by a run. @throws EngineError `plan-unknown` where there is none for these clusters; `approval-outdated` where all of it was made after `seenAt`.
 */
export async function approvePlan(store: ApprovalStore, plan: string, wish: ApprovalWish): Promise<Approved> {
  const prefix = partKey(plan, '')
  const parts = await listSigned<PartRecord>(store, prefix, { limit: maxClusters })
  const { clusters, seenAt = Number.POSITIVE_INFINITY } = wish
  const meant = [...parts.values()].filter(({ cluster }) => clusters?.includes(cluster) ?? true)
  const wanted = meant.filter(({ at }) => at <= seenAt)
  if (wanted.length === 0 && meant.length > 0)
    throw new EngineError(
      `the plan of ${meant.map(({ cluster }) => cluster).join(', ')} was made after this approval of it was given; look at it and approve it again`,
      { code: 'approval-outdated', disposition: 'wait' },
    )
  if (wanted.length === 0)
    throw new EngineError(
      `there is no plan ${plan.slice(0, 64)}${wish.clusters === undefined ? '' : ` for ${wish.clusters.join(', ')}`} that could be approved; plans are kept for a month`,
      { code: 'plan-unknown', disposition: 'wait' },
    )
  const approved = { by: wish.by, how: wish.how, at: store.clock.now() }
  for (const part of wanted) {
    await putSigned(store, partKey(plan, part.cluster), { ...part, approved })
    await lookAgainAt(store, part)
  }
  return {
    clusters: wanted.map(({ cluster, applications }) => ({
      cluster,
      applications: applications.map(keyOfApplication),
    })),
  }
}

/** What waits is not rendered again by every scan; now it is worth it, also where nobody can be asked for a run. */
async function lookAgainAt(store: ApprovalStore, { cluster, applications }: PartRecord): Promise<void> {
  const waiting = await readWaits(store, cluster)
  for (const application of applications) {
    const wait = waiting.get(application)
    // One that somebody has approved as it waits stays approved.
    if (wait !== undefined && wait.approved === undefined) await store.state.delete(waitKey(cluster, application))
  }
}
