import { labels } from '../../api/index.ts'
import { EngineError, mapLimit, toEngineError } from '../../base/index.ts'
import { shouldDelete } from '../kustomization/finalize.ts'
import { idOf, parentOf, type Workload } from '../world.ts'
import { isUnaffected, loadNoted, type Noted } from './affected.ts'
import { createFingerprints, type SpecTexts } from './fingerprint.ts'
import { overlayWorlds, prepareWorlds, type RenderedPair } from './overlay.ts'
import { doneWith, knownRendering, type Done } from './past-renderings.ts'
import type { Placeholders } from './placeholders.ts'
import { renderSide } from './render-side.ts'
import { hiddenOf, type Side, type Sides } from './side.ts'
import type { RenderedSide } from './types.ts'

/** An application that the change may concern, as both sides have and make it. */
export interface Examined {
  readonly id: string
  /** Undefined: that side does not have it. */
  readonly base: Workload | undefined
  readonly head: Workload | undefined
  readonly rendered: { readonly base?: RenderedSide; readonly head?: RenderedSide }
  readonly failures: { readonly base?: EngineError; readonly head?: EngineError }
  /** The change makes nothing else of it. */
  readonly isUnaffected: boolean
}

/** What a walk has found. */
export interface Walked {
  /** Those that the change does something to. */
  readonly touched: readonly Examined[]
  readonly renders: number
}

/** Applications that are rendered at the same time: a plan must not crowd out runs. */
const concurrency = 4
/** Applications that are compared by what earlier runs have noted. */
const compareConcurrency = 16

/**
 * Rounds after which what the applications make of each other must have settled. Each round goes one generation deeper, and Git has no chain of Kustomizations that deep; a cycle of applications that change each other ends
 * here.
 */
const maxRounds = 20

/**
 * Finds the applications that a change does something to. Starts with those whose source it is, parents before their children; what is rendered changes the worlds of both sides, and with them further applications: children
 * whose spec changes, that are new or that disappear, and those that take values from what was rendered.
 *
 * @throws EngineError `change-never-settles`, and where the cluster cannot be reached. What is wrong with one application is in `failures`.
 */
export async function walkChange(sides: Sides, placeholders: Placeholders): Promise<Walked> {
  const done = new Map<string, Done>()
  const overlaid = new Set<string>()
  const texts: SpecTexts = new WeakMap()
  let renders = 0
  prepareWorlds(sides)
  for (let round = 0; ; round++) {
    const waiting = candidates(sides, done, texts)
    if (waiting.length === 0) break
    if (round === maxRounds)
      throw new EngineError(
        `the applications of the change do not settle after ${maxRounds} rounds; the last to change: ${waiting
          .slice(0, 5)
          .map(({ id }) => id)
          .join(', ')}`,
        { code: 'change-never-settles', disposition: 'stall' },
      )
    const batch = withoutChildren(sides, waiting)
    const compared = batch.filter(
      ({ base, head, isSameObject }) => base !== undefined && head !== undefined && isSameObject,
    )
    const noted = await loadNoted(
      sides,
      compared.flatMap(({ head }) => head ?? []),
    )
    const affected = await leaveOut(sides, { batch, noted }, (candidate) =>
      done.set(candidate.id, doneWith(candidate.signature, asUnaffected(candidate), done.get(candidate.id))),
    )
    await mapLimit(affected, concurrency, async (candidate) => {
      const examined = await examine(sides, candidate, placeholders, () => renders++)
      done.set(candidate.id, doneWith(candidate.signature, examined, done.get(candidate.id)))
    })
    overlayWorlds(
      sides,
      [...done.values()]
        .filter(({ examined: { isUnaffected: isSame, rendered } }) => !isSame || rendered.head !== undefined)
        .map(pairOf),
      overlaid,
    )
  }
  return { touched: [...done.values()].map(({ examined }) => examined).filter((one) => !one.isUnaffected), renders }
}

interface Candidate {
  readonly id: string
  readonly base: Workload | undefined
  readonly head: Workload | undefined
  /** Both sides have the same object of the same source, with the same values from other objects. */
  readonly isSameObject: boolean
  /** What it is made from on both sides, as far as objects say it. */
  readonly signature: string
}

/** Applications that are not examined yet with what they are made from now. */
function candidates(
  sides: Sides,
  done: ReadonlyMap<string, { readonly signature: string }>,
  texts: SpecTexts,
): readonly Candidate[] {
  const ids = new Set([sides.base, sides.head].flatMap((side) => workloadsOf(side).map(idOf)))
  for (const id of done.keys()) ids.add(id)
  const parents = secretParents(sides)
  const fingerprints = createFingerprints(sides, texts)
  return [...ids].flatMap((id): readonly Candidate[] => {
    const [base, head] = [sides.base, sides.head].map((side) => workloadAt(side, id))
    const parts = [base && fingerprints.of(sides.base, base), head && fingerprints.of(sides.head, head)]
    // Each is one line.
    const signature = parts.map((part) => part ?? '').join('\n')
    const known = done.get(id)
    if (known?.signature === signature) return []
    const isSameObject = parts[0] === parts[1]
    const some = head ?? base
    const isConcerned =
      known !== undefined ||
      parents.has(id) ||
      !isSameObject ||
      (some !== undefined && fingerprints.hasChangedSource(some))
    return isConcerned ? [{ id, base, head, isSameObject, signature }] : []
  })
}

function workloadsOf({ ctx }: Side): readonly Workload[] {
  const all: readonly Workload[] = [...ctx.world.ofKind('Kustomization'), ...ctx.world.ofKind('HelmRelease')]
  return all.filter((object) => ctx.world.serves(object) && object.metadata.deletionTimestamp === undefined)
}

function workloadAt({ ctx }: Side, id: string): Workload | undefined {
  const object = ctx.world.get(id)
  const isWorkload = object?.kind === 'Kustomization' || object?.kind === 'HelmRelease'
  return isWorkload && ctx.world.serves(object) && object.metadata.deletionTimestamp === undefined ? object : undefined
}

/**
 * Applications that may put secrets into workloads below them. They are always rendered: what the cluster has of the workload is the secret itself, and only the rendering tells where.
 */
function secretParents({ base, head }: Sides): ReadonlySet<string> {
  const found = new Set<string>()
  for (const side of [base, head])
    for (const object of workloadsOf(side)) {
      const ids = [parentOf(object), releaseOf(object)].filter((id) => id !== undefined)
      for (const id of ids) {
        const parent = workloadAt(side, id)
        if (parent !== undefined && (side.twins.has(id) || mayHaveSecrets(parent))) found.add(id)
      }
    }
  return found
}

/** The release that an object belongs to. */
function releaseOf({ metadata }: Workload): string | undefined {
  const name = metadata.labels?.[labels.helmName]
  return name === undefined ? undefined : `HelmRelease/${metadata.labels?.[labels.helmNamespace] ?? ''}/${name}`
}

function mayHaveSecrets(object: Workload): boolean {
  if (object.kind === 'HelmRelease') return (object.spec.valuesFrom ?? []).length > 0
  const { decryption, postBuild } = object.spec
  return decryption !== undefined || (postBuild?.substituteFrom ?? []).length > 0
}

/** Those whose parents are not examined in the same round: what a parent renders is what they are. In a cycle, all of them. */
function withoutChildren({ live }: Sides, waiting: readonly Candidate[]): readonly Candidate[] {
  const ids = new Set(waiting.map(({ id }) => id))
  const own = waiting.filter(({ id, base, head }) =>
    [base, head, live.get(id)].every((object) => {
      const parent = object === undefined ? undefined : parentOf(object)
      return parent === undefined || parent === id || !ids.has(parent)
    }),
  )
  return own.length === 0 ? waiting : own
}

/** Leaves out what can be told to be unaffected without rendering it. */
async function leaveOut(
  sides: Sides,
  { batch, noted }: { readonly batch: readonly Candidate[]; readonly noted: Noted },
  note: (candidate: Candidate) => void,
): Promise<readonly Candidate[]> {
  const parents = secretParents(sides)
  const kept = await mapLimit(batch, compareConcurrency, async (candidate) => {
    const { base, head, isSameObject } = candidate
    const isNothing = base === undefined && head === undefined
    if (
      isNothing ||
      (!parents.has(candidate.id) && isSameObject && head !== undefined && (await isUnaffected(sides, head, noted)))
    ) {
      note(candidate)
      return []
    }
    return [candidate]
  })
  return kept.flat()
}

async function examine(
  sides: Sides,
  { id, base, head }: Candidate,
  placeholders: Placeholders,
  onRender: () => void,
): Promise<Examined> {
  const render = async (side: Side, object: Workload | undefined): Promise<RenderedSide | EngineError | undefined> => {
    if (object === undefined) return undefined
    onRender()
    const { secrets } = sides.change
    const configMap = ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
      side.shown.get(`ConfigMap/${namespace}/${name}`) ?? side.configs.get(`ConfigMap/${namespace}/${name}`)
    const twin = side.twins.get(id)
    const hidden = hiddenOf(sides.live, side, object)
    return renderSide(side.ctx, object, { placeholders, secrets, configMap, hidden, ...(twin && { twin }) }).catch(
      (caught: unknown) => {
        const error = toEngineError(caught)
        if (['cluster-unreachable', 'aborted', 'kube-unauthorized'].includes(error.code)) throw error
        return error
      },
    )
  }
  const [before, after] = await Promise.all([render(sides.base, base), render(sides.head, head)])
  const examined = {
    id,
    base,
    head,
    rendered: {
      ...(before === undefined || before instanceof EngineError ? {} : { base: before }),
      ...(after === undefined || after instanceof EngineError ? {} : { head: after }),
    },
    failures: {
      ...(before instanceof EngineError ? { base: before } : {}),
      ...(after instanceof EngineError ? { head: after } : {}),
    },
  }
  return { ...examined, isUnaffected: isSameRendering(examined.rendered) && !isAppliedOtherwise(base, head) }
}

/** Fields that say where, as whom and when an application is applied: with another one it is in the plan, although the same is rendered. */
const applyFields = [
  'kubeConfig',
  'serviceAccountName',
  'targetNamespace',
  'storageNamespace',
  'releaseName',
  'dependsOn',
  'suspend',
] as const

function isAppliedOtherwise(base: Workload | undefined, head: Workload | undefined): boolean {
  const of = (object: Workload | undefined, field: (typeof applyFields)[number]): string => {
    const value = (object?.spec as unknown as { readonly [name: string]: unknown } | undefined)?.[field]
    // An empty value is none.
    return value === undefined || value === '' || value === false ? '' : JSON.stringify(value)
  }
  return applyFields.some((field) => of(base, field) !== of(head, field))
}

/** Compared as everybody may read it: that secrets are really equal must not be told. */
function isSameRendering({ base, head }: Examined['rendered']): boolean {
  if (base === undefined || head === undefined) return false
  if (JSON.stringify(base.chart) !== JSON.stringify(head.chart)) return false
  const known = new Map(base.items.map((item) => [item.id, item]))
  return (
    base.items.length === head.items.length &&
    head.items.every((item) => {
      const before = known.get(item.id)
      return (
        before?.hasPlaceholders === item.hasPlaceholders && JSON.stringify(before.shown) === JSON.stringify(item.shown)
      )
    })
  )
}

function asUnaffected({ id, base, head }: Candidate): Examined {
  return { id, base, head, rendered: {}, failures: {}, isUnaffected: true }
}

/** Where head cannot be rendered, nothing is known to change below it. */
function pairOf(done: Done): RenderedPair {
  const { base, head, failures } = done.examined
  const before = knownRendering(done, 'base')
  return {
    base: before,
    head: knownRendering(done, 'head') ?? (failures.head === undefined ? undefined : before),
    objects: { base, head },
    isPruned: deletesWhatIsGone(base, head),
  }
}

/** Whether objects that an application no longer has are deleted: those that are gone from it, or all of them where it disappears itself. */
export function deletesWhatIsGone(base: Workload | undefined, head: Workload | undefined): boolean {
  if (head !== undefined) return head.kind === 'HelmRelease' || head.spec.prune
  if (base === undefined) return false
  return base.kind === 'Kustomization' ? shouldDelete(base) : base.spec.suspend !== true
}
