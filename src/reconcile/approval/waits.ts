import { EngineError } from '../../base/index.ts'
import type { ObjectKey } from '../job.ts'
import { isSame } from './decide.ts'
import {
  applicationPrefix,
  getSigned,
  isOfPart,
  keyOfApplication,
  listSigned,
  partKey,
  putSigned,
  waitKey,
  waitPrefix,
  type PartRecord,
  type PlannedRecord,
  type WaitRecord,
} from './records.ts'
import type { Approved, ApprovalStore, ApprovalWay } from './types.ts'

/** What waits on one cluster and is read at once. */
const maxWaits = 1_000

/** What waits for approval on a cluster, as people may see it. */
export interface WaitingApplication {
  readonly cluster: string
  /** `Kind/namespace/name`. */
  readonly application: string
  readonly revision: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly message: string
  readonly plan?: string
  readonly pullRequest?: number
}

/** Which of those that wait are approved. */
export interface WaitingWish {
  readonly by: string
  readonly how: ApprovalWay
  /** `Kind/namespace/name`; left out: all that wait. */
  readonly applications?: readonly string[]
  /** Only what concerns a pull request: what it was compared with is a plan of it, or its plan names the application. */
  readonly of?: { readonly repository: string; readonly pullRequest: number; readonly plan?: string | undefined }
  /** Only what has not changed since: milliseconds since 1970. Somebody who has seen one thing approves no other. */
  readonly seenAt?: number
}

/** What waits for approval on a cluster. @throws EngineError of the store. */
export async function listWaiting(store: ApprovalStore, cluster: string): Promise<readonly WaitingApplication[]> {
  const waits = await readWaits(store, cluster)
  return [...waits.values()]
    .filter(({ approved }) => approved === undefined)
    .map(({ application, revision, since, message, plan, pullRequest }) => ({
      cluster,
      application,
      revision,
      since,
      message,
      ...(plan === undefined ? {} : { plan }),
      ...(pullRequest === undefined ? {} : { pullRequest }),
    }))
}

/**
 * The applications of a cluster that wait for exactly what a plan would make of them, and for which nobody has said yes yet. @throws EngineError of the store.
 */
export async function waitingFor(store: ApprovalStore, plan: string, cluster: string): Promise<readonly ObjectKey[]> {
  const [part, waits] = await Promise.all([
    getSigned<PartRecord>(store, partKey(plan, cluster)),
    readWaits(store, cluster),
  ])
  const found: ObjectKey[] = []
  for (const application of part?.applications ?? []) {
    const wait = waits.get(application)
    if (wait === undefined || wait.approved !== undefined) continue
    const planned = await getSigned<PlannedRecord>(store, `${applicationPrefix(cluster, application)}${plan}`)
    if (planned !== undefined && isOfPart(planned, part) && isSame(planned, wait))
      found.push(keyOfApplication(application))
  }
  return found
}

/** Everything that waits on a cluster, approved or not, by application. */
export async function readWaits(store: ApprovalStore, cluster: string): Promise<ReadonlyMap<string, WaitRecord>> {
  const waits = await listSigned<WaitRecord>(store, waitPrefix(cluster), { limit: maxWaits })
  return new Map([...waits].filter(([application, wait]) => wait.application === application))
}

/**
 * Approves what waits on a cluster, exactly as it waits: where something else is to be applied by the time of the run, that waits again.
 *
 * Effects: one write for each application. @throws EngineError `nothing-waits`; `approval-outdated` where something has changed since it was seen, and then nothing is approved.
 */
export async function approveWaiting(store: ApprovalStore, cluster: string, wish: WaitingWish): Promise<Approved> {
  const { by, how, applications, seenAt, of } = wish
  const waits =
    applications === undefined
      ? [...(await readWaits(store, cluster)).values()]
      : await Promise.all(applications.map((one) => getSigned<WaitRecord>(store, waitKey(cluster, one))))
  const open = waits.filter((one) => one !== undefined).filter(({ approved }) => approved === undefined)
  const wanted = of === undefined ? open : await concerning(store, cluster, open, of)
  if (wanted.length === 0)
    throw new EngineError(`nothing waits for approval on ${cluster}`, { code: 'nothing-waits', disposition: 'wait' })
  const changed = wanted.filter(({ since }) => seenAt !== undefined && since > seenAt)
  if (changed.length > 0)
    throw new EngineError(
      `what waits on ${cluster} has changed since: ${changed
        .slice(0, 10)
        .map(({ application }) => application)
        .join(', ')}; look at it and approve it again`,
      { code: 'approval-outdated', disposition: 'wait' },
    )
  const approved = { by, how, at: store.clock.now() }
  for (const wait of wanted) await putSigned(store, waitKey(cluster, wait.application), { ...wait, approved })
  return { clusters: [{ cluster, applications: wanted.map(({ application }) => keyOfApplication(application)) }] }
}

async function concerning(
  store: ApprovalStore,
  cluster: string,
  waits: readonly WaitRecord[],
  { repository, pullRequest, plan }: NonNullable<WaitingWish['of']>,
): Promise<readonly WaitRecord[]> {
  const partOf = (id: string): Promise<PartRecord | undefined> => getSigned<PartRecord>(store, partKey(id, cluster))
  const named = new Set(plan === undefined ? [] : (await partOf(plan))?.applications)
  const found: WaitRecord[] = []
  for (const wait of waits) {
    const part = wait.plan === undefined ? undefined : await partOf(wait.plan)
    const isOfIt = part?.repository === repository && part.pullRequest === pullRequest
    if (isOfIt || named.has(wait.application)) found.push(wait)
  }
  return found
}
