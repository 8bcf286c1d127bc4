import { EngineError } from '../../base/index.ts'
import { desiredOf, type DesiredState } from '../change/desired.ts'
import type { EngineDeps, ObjectKey } from '../job.ts'
import type { Held } from '../safety/decide.ts'
import { idOf, keyOf, type Workload, type World } from '../world.ts'
import {
  broughtBy,
  decideApproval,
  differenceText,
  isSame,
  reasonText,
  type ApprovalVerdict,
  type KnownPlan,
} from './decide.ts'
import { applicationDigest } from './plans.ts'
import { afterMergeOf, comparesAny, type AfterMerge, type ChangesPolicy } from './policy.ts'
import {
  applicationPrefix,
  approvalOf,
  getSigned,
  lastName,
  listSigned,
  maxPlans,
  partKey,
  putSigned,
  waitKey,
  type LastRecord,
  type PartRecord,
  type PlannedRecord,
  type WaitRecord,
} from './records.ts'
import { createReplans, type Replans } from './replan.ts'
import type { ApplicationDigest, ApprovalStore } from './types.ts'
import { readWaits } from './waits.ts'
import { createWaves, type Waves } from './waves.ts'

/** What a run knows of approvals and waves. Only clusters with a policy have it. */
export interface RunApprovals {
  /** Why nothing new is applied to an object, as far as can be told without rendering it; undefined where it may be. Nothing is held for somebody who asks for a look now (`isAsked`), but by a wave. */
  readonly held: (object: Workload, wanted: string | undefined, isAsked: boolean) => Promise<Held | undefined>
  /**
   * Asked when it is known what would be applied, before the first write. Where it may be, the approval counts as used.
   *
   * @returns what people should know: that it is not what was approved. @throws EngineError `waits-for-approval` where it has to wait.
   */
  readonly check: (object: Workload, revision: string, state: DesiredState) => Promise<string | undefined>
  /** Asks for what the run found out is needed: new plans, and runs when a time is up. */
  readonly finish: () => Promise<void>
}

/** What the approvals of a run are made with. */
export interface ApprovalOptions {
  readonly deps: Pick<EngineDeps, 'cluster' | 'state' | 'clock' | 'planKey' | 'changes' | 'requests' | 'logger'>
  readonly world: World
}

/** Code of the error with which a step ends that waits for somebody. */
export const waitsForApproval = 'waits-for-approval'

/**
 * The approvals of one run; undefined where the cluster has no policy, and then nothing is read.
 *
 * @throws EngineError `plan-key-missing` where changes are compared and there is no key.
 */
export async function createApprovals({ deps, world }: ApprovalOptions): Promise<RunApprovals | undefined> {
  const { changes: policy, planKey, cluster, state, clock } = deps
  if (policy === undefined) return undefined
  const waves = createWaves({ deps, policy, world })
  if (!comparesAny(policy)) return { held: waves.held, check: async () => undefined, finish: waves.finish }
  if (planKey === undefined)
    throw new EngineError('what was approved is compared with a key: set PLAN_KEY', {
      code: 'plan-key-missing',
      disposition: 'wait',
    })
  const store: ApprovalStore = { state, clock, key: planKey }
  const waits = await readWaits(store, cluster.name)
  return new Gate({ store, policy, cluster: cluster.name, waits, waves, replans: createReplans({ deps, world }) })
}

interface GateParts {
  readonly store: ApprovalStore
  readonly policy: ChangesPolicy
  readonly cluster: string
  readonly waits: ReadonlyMap<string, WaitRecord>
  readonly waves: Waves
  readonly replans: Replans
}

class Gate implements RunApprovals {
  readonly #parts: GateParts

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  readonly held: RunApprovals['held'] = async (object, wanted, isAsked) => {
    const { waves, waits, policy } = this.#parts
    const wave = await waves.held(object, wanted)
    if (wave !== undefined || isAsked) return wave
    const wait = waits.get(idOf(object))
    const holds = holdsOf(afterMergeOf(policy, keyOf(object)))
    if (wait === undefined || wait.approved !== undefined || !holds) return undefined
    const isThat = wait.revision === wanted && wait.generation === (object.metadata.generation ?? 0)
    return isThat ? { kind: 'approval', message: wait.message } : undefined
  }

  readonly check: RunApprovals['check'] = async (object, revision, desired) => {
    const { store, policy, cluster, replans } = this.#parts
    const key = keyOf(object)
    const afterMerge = afterMergeOf(policy, key)
    if (afterMerge === undefined) return undefined
    const application = idOf(object)
    const now = digestOf(object, cluster, desired, store.key)
    const known = await this.#known(application, now)
    const made = replans.sourceRevision(object, revision)
    const verdict = decideApproval({ now, ...known })
    if (verdict.kind === 'approved') {
      await this.#use(application, now, { verdict, revision: made, ...known })
      return undefined
    }
    const isWanted = afterMerge === 'plan' && verdict.pending === undefined
    const place = isWanted ? replans.placeOf(object, { head: revision, applied: known.last?.revision }) : undefined
    const next = place === undefined ? {} : 'why' in place ? { cannot: place.why } : { replanned: true as const }
    const message = differenceText(verdict, { cluster, ...next })
    if (!holdsOf(afterMerge)) {
      const at = store.clock.now()
      await this.#use(application, now, { verdict: { kind: 'approved', at }, revision: made, ...known })
      return verdict.pending === undefined ? reasonText(verdict) : undefined
    }
    await this.#wait(object, { revision, now, message, verdict, known: known.wait })
    if (place !== undefined && !('why' in place))
      replans.note(place, { application, why: reasonText(verdict) }, broughtBy(known))
    throw new EngineError(message, { code: waitsForApproval, reason: 'WaitingForApproval', disposition: 'wait' })
  }

  readonly finish: RunApprovals['finish'] = async () => {
    await Promise.all([this.#parts.replans.finish(), this.#parts.waves.finish()])
  }

  /** Everything that is remembered of an application: two reads, and one for each plan that matters. */
  async #known(
    application: string,
    now: ApplicationDigest,
  ): Promise<{ readonly last?: LastRecord; readonly wait?: WaitRecord; readonly plans: readonly KnownPlan[] }> {
    const { store, cluster } = this.#parts
    const [records, wait] = await Promise.all([
      listSigned<PlannedRecord | LastRecord>(store, applicationPrefix(cluster, application), { limit: maxPlans * 2 }),
      getSigned<WaitRecord>(store, waitKey(cluster, application)),
    ])
    const last = records.get(lastName) as LastRecord | undefined
    const planned = [...records].flatMap(([name, record]) => (name === lastName ? [] : [record as PlannedRecord]))
    // The last ones also where one says the same: which plan is named must not tell whether one does.
    const matter = planned
      .toSorted((a, b) => b.at - a.at)
      .filter((one, index) => index < maxCompared || isSame(one, now))
    const plans = await Promise.all(
      matter.map(async (one): Promise<KnownPlan> => ({
        planned: one,
        approved: approvalOf(one, await getSigned<PartRecord>(store, partKey(one.plan, cluster))),
      })),
    )
    return { plans, ...(last === undefined ? {} : { last }), ...(wait === undefined ? {} : { wait }) }
  }

  /** Notes what is let through, before it is. Cut off after it, the next run finds the same approved. */
  async #use(
    application: string,
    now: ApplicationDigest,
    known: {
      readonly verdict: Extract<ApprovalVerdict, { kind: 'approved' }>
      readonly revision: string | undefined
      readonly last?: LastRecord
      readonly wait?: WaitRecord
    },
  ): Promise<void> {
    const { store, cluster } = this.#parts
    const { verdict, revision, last, wait } = known
    if (last === undefined || !isSame(last, now)) {
      const { plan, at } = verdict
      const record: LastRecord = {
        ...now,
        approvedAt: at,
        ...(revision === undefined ? {} : { revision }),
        ...(plan === undefined ? {} : { plan }),
      }
      await putSigned(store, `${applicationPrefix(cluster, application)}${lastName}`, record)
    }
    if (wait !== undefined) await store.state.delete(waitKey(cluster, application))
  }

  async #wait(
    object: Workload,
    found: {
      readonly revision: string
      readonly now: ApplicationDigest
      readonly message: string
      readonly verdict: Extract<ApprovalVerdict, { kind: 'differs' }>
      readonly known: WaitRecord | undefined
    },
  ): Promise<void> {
    const { store, cluster } = this.#parts
    const { revision, now, message, verdict, known } = found
    const application = idOf(object)
    const plan = verdict.pending ?? verdict.from?.planned
    const isKnown = known !== undefined && isSame(known, now)
    const generation = object.metadata.generation ?? 0
    if (isKnown && known.revision === revision && known.message === message && known.generation === generation) return
    // Somebody may have approved it since it was read.
    const fresh = await getSigned<WaitRecord>(store, waitKey(cluster, application))
    const approved = fresh !== undefined && isSame(fresh, now) ? fresh.approved : undefined
    const record: WaitRecord = {
      ...now,
      application,
      cluster,
      revision,
      generation,
      since: isKnown ? known.since : store.clock.now(),
      message,
      ...(plan === undefined ? {} : { plan: plan.plan }),
      ...(plan?.pullRequest === undefined ? {} : { pullRequest: plan.pullRequest }),
      ...(approved === undefined ? {} : { approved }),
    }
    await putSigned(store, waitKey(cluster, application), record)
  }
}

/** Plans of an application that are looked at in any case, the last ones, to say what differs. */
const maxCompared = 5

function holdsOf(afterMerge: AfterMerge | undefined): boolean {
  return afterMerge === 'plan' || afterMerge === 'hold'
}

/** What would be applied, as plans have it. Live objects are not compared: whatever changed there since is drift, which an apply puts right in any case. */
function digestOf(object: Workload, cluster: string, state: DesiredState, key: Uint8Array): ApplicationDigest {
  const { namespace, name }: ObjectKey = keyOf(object)
  return applicationDigest(
    { cluster, kind: object.kind, namespace, name, ...desiredOf(object, state), touched: [] },
    key,
  )
}
