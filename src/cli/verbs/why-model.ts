import type { Condition } from '../../api/index.ts'
import { ownAnnotations } from '../../api/index.ts'
import {
  artifactKeyOf,
  blockersOf,
  describePin,
  idOf,
  idOfKey,
  isSource,
  originOf,
  parentOf,
  pinOf,
  sourceKeyOf,
  type Managed,
  type ObjectKey,
  type Source,
  type Workload,
  type World,
} from '../../reconcile/index.ts'
import { parseInventoryId } from '../../resources/index.ts'
import type { Style } from '../terminal/style.ts'
import { plainText } from '../terminal/terminal.ts'
import { shortRevision } from './object-row.ts'

/** One link of the chain from what is not ready to what is in its way. */
export interface Why {
  /** `Kind/namespace/name`. */
  readonly id: string
  /** Whether something is wrong with it at all. */
  readonly isFine: boolean
  /** `is not ready: BuildFailed`. */
  readonly problem: string
  /** What it says itself, and what was found out besides. */
  readonly details: readonly string[]
  /** What to do, where this is where it starts. */
  readonly advice?: string
  /** What is in its way. */
  readonly causes: readonly Why[]
}

/** What is found out about single objects by asking the cluster. */
export interface WhyFacts {
  /** Objects of an inventory that are not healthy, `Kind/namespace/name: message`. */
  readonly unhealthy: (id: string) => readonly string[]
  /** The latest warnings about an object. */
  readonly warnings: (id: string) => readonly string[]
  readonly now: number
}

/**
 * Why an object of ours is not ready: follows its dependencies, its source, and the Kustomization that applies it, to where it starts. Pure. Each object is
 * told once.
 */
export function explain(world: World, id: string, facts: WhyFacts): Why {
  const told = new Map<string, Why>()
  const path: string[] = []
  const visit = (at: string): Why => {
    const object = world.get(at)
    if (object === undefined) return missing(at)
    if (path.includes(at)) return { id: at, isFine: false, problem: inItsOwnWay, details: [], causes: [] }
    const known = told.get(at)
    if (known !== undefined)
      return known.isFine ? known : { ...known, problem: `${known.problem} (see above)`, details: [], causes: [] }
    path.push(at)
    const why = isSource(object) ? explainSource(object, visit) : explainWorkload(object, visit, { world, facts })
    path.pop()
    told.set(at, why)
    return why
  }
  return visit(id)
}

const inItsOwnWay = 'is in its own way: what it waits for waits for it'

function missing(id: string): Why {
  return {
    id,
    isFine: false,
    problem: 'does not exist',
    details: [],
    advice: 'create it, or correct the reference to it',
    causes: [],
  }
}

type Visit = (id: string) => Why

function explainWorkload(
  object: Workload,
  visit: Visit,
  { world, facts }: { readonly world: World; readonly facts: WhyFacts },
): Why {
  const id = idOf(object)
  const ready = condition(object, 'Ready')
  const stalled = condition(object, 'Stalled')
  const own = ownState(object)
  const causes = [
    ...safeBlockers(world, object).map((blocker) => visit(blocker)),
    ...sourceKeys(object).map((key) => visit(idOfKey(key))),
  ].filter((cause) => !cause.isFine)
  if (own !== undefined) return { id, ...own, causes: [] }
  const held = condition(object, 'Held')
  if (held?.status === 'True') return { id, ...heldBack(object, held), causes: [] }
  const behind = behindSource(world, object)
  if (ready?.status === 'True' && isObserved(object) && behind === undefined && causes.length === 0) {
    const parents = parentProblem(world, object, visit)
    return {
      id,
      isFine: parents.length === 0,
      problem: 'is ready',
      details: [shortRevision(ready.message), ...pinDetails(world, object)],
      causes: parents,
    }
  }
  const children = unhealthyChildren(world, object, visit)
  // What it says of its blockers they say themselves.
  const isSaidBelow = ready?.reason === 'DependencyNotReady' && causes.length > 0
  const details = [
    ...(ready === undefined || isSaidBelow ? [] : [shortRevision(ready.message)]),
    ...(behind === undefined || ready?.status === 'False' ? [] : [behind]),
    ...pinDetails(world, object),
    ...(stalled?.status === 'True' && stalled.message !== ready?.message ? [shortRevision(stalled.message)] : []),
    ...facts.unhealthy(id),
    ...(isSaidBelow ? [] : facts.warnings(id).filter((text) => !(ready?.message ?? '').includes(text))),
  ]
  const all = [...causes, ...children, ...parentProblem(world, object, visit)]
  return {
    id,
    isFine: false,
    problem: problemOf(object, ready),
    details: unique(details),
    ...(all.length === 0 ? { advice: adviceFor(object, ready) } : {}),
    causes: all,
  }
}

function explainSource(object: Source, visit: Visit): Why {
  const id = idOf(object)
  const own = ownState(object)
  if (own !== undefined) return { id, ...own, causes: [] }
  const ready = condition(object, 'Ready')
  const origin = originOf(object)
  const originWhy = origin === undefined ? undefined : visit(idOfKey(origin))
  const causes = originWhy === undefined || originWhy.isFine ? [] : [originWhy]
  // Of these nothing is looked at: what refers to them says what is wrong.
  const isStatic = object.kind === 'HelmRepository' && object.spec.type === 'oci'
  if ((ready?.status === 'True' && isObserved(object)) || isStatic)
    return { id, isFine: causes.length === 0, problem: 'is ready', details: [], causes }
  return {
    id,
    isFine: false,
    problem: problemOf(object, ready),
    details: ready === undefined ? [] : [shortRevision(ready.message)],
    ...(causes.length === 0 ? { advice: adviceFor(object, ready) } : {}),
    causes,
  }
}

/** Deleted or suspended: whatever else is true of it, this is why nothing happens. */
function ownState(object: Managed): Pick<Why, 'isFine' | 'problem' | 'details' | 'advice'> | undefined {
  const { metadata, kind } = object
  if (metadata.deletionTimestamp !== undefined) {
    return {
      isFine: false,
      problem: `is being deleted since ${metadata.deletionTimestamp}`,
      details: [`finalizers: ${(metadata.finalizers ?? []).join(', ') || 'none'}`],
      advice: 'wait for the deployment to finish the deletion; its events say what holds it',
    }
  }
  if (!('suspend' in object.spec) || object.spec.suspend !== true) return undefined
  const notes = metadata.annotations ?? {}
  const by = notes[ownAnnotations.suspendedBy]
  const reason = notes[ownAnnotations.suspendedReason]
  const until = notes[ownAnnotations.suspendedUntil]
  return {
    isFine: false,
    problem: `is suspended${by === undefined ? '' : ` by ${by}`}${until === undefined ? '' : ` until ${until}`}`,
    details: reason === undefined ? [] : [`because: ${reason}`],
    advice: `sluice resume ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace ?? ''}`,
  }
}

/** A window waits for nobody: it opens by itself, or somebody says why it does not count. */
function heldBack(
  { kind, metadata }: Workload,
  held: Condition,
): Pick<Why, 'isFine' | 'problem' | 'details' | 'advice'> {
  return {
    isFine: false,
    problem: 'is held back by a window',
    details: [shortRevision(held.message)],
    advice: `wait for it, or: sluice reconcile ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace ?? ''} --override REASON`,
  }
}

/** What it is pinned to, and where its source is. */
function pinDetails(world: World, object: Workload): readonly string[] {
  const pin = pinOf(object)
  if (pin === undefined) return []
  const key = object.kind === 'Kustomization' ? sourceKeyOf(object) : undefined
  const source = key === undefined ? undefined : world.get(idOfKey(key))
  const now = isSource(source) ? source.status?.artifact?.revision : undefined
  const isAt = now === undefined ? '' : `; its source is at ${shortRevision(now)}`
  return [`${shortRevision(describePin(pin))}${isAt}`]
}

/** Ids of what a workload waits for. */
function safeBlockers(world: World, object: Workload): readonly string[] {
  try {
    return blockersOf(world, object).map((blocker) => blocker.id)
  } catch {
    return [] // An expression that does not compile is what its Ready condition says.
  }
}

function sourceKeys(object: Workload): readonly ObjectKey[] {
  const keys = [artifactKeyOf(object), sourceKeyOf(object)].filter((key) => key !== undefined)
  const [first] = keys
  // A chart leads to its source by itself.
  return first === undefined ? [] : [first]
}

/** Objects of ours that it made and waits for. */
function unhealthyChildren(world: World, object: Workload, visit: Visit): readonly Why[] {
  return (object.status?.inventory?.entries ?? [])
    .flatMap(({ id }) => parseInventoryId(id) ?? [])
    .filter(({ group }) => /^(kustomize|helm)\.toolkit\.fluxcd\.io$/.test(group))
    .map(({ kind, namespace, name }) => idOfKey({ kind, namespace, name }))
    .filter((id) => world.get(id) !== undefined)
    .map(visit)
    .filter((why) => !why.isFine && why.problem !== inItsOwnWay)
}

function behindSource(world: World, object: Workload): string | undefined {
  const key = object.kind === 'Kustomization' ? sourceKeyOf(object) : undefined
  const source = key === undefined ? undefined : world.get(idOfKey(key))
  const wanted = isSource(source) ? source.status?.artifact?.revision : undefined
  const applied = object.kind === 'Kustomization' ? object.status?.lastAppliedRevision : undefined
  const pin = pinOf(object)
  if (pin !== undefined && applied?.endsWith(pin.to) === true) return undefined
  if (wanted === undefined || wanted === applied) return undefined
  return `its source is at ${shortRevision(wanted)}, applied is ${applied === undefined ? 'nothing' : shortRevision(applied)}`
}

/** The Kustomization that applies the object, where it is suspended or failing: what Git says of the object may not have arrived. */
function parentProblem(world: World, object: Workload, visit: Visit): readonly Why[] {
  const parent = parentOf(object)
  if (parent === undefined || parent === idOf(object) || world.get(parent) === undefined) return []
  const why = visit(parent)
  if (why.isFine || why.problem === inItsOwnWay) return []
  // A parent that only waits for this very object is no cause of it.
  const isWaitingForUs = why.details.some((text) =>
    text.includes(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`),
  )
  return isWaitingForUs
    ? []
    : [{ ...why, details: [...why.details, 'it applies the object above: what Git says of that may not have arrived'] }]
}

function problemOf(object: Managed, ready: Condition | undefined): string {
  if (ready === undefined) return 'has never been looked at'
  if (ready.status === 'False') return `is not ready: ${ready.reason}`
  if (ready.status === 'Unknown') return `is being worked on: ${ready.reason}`
  return isObserved(object) ? 'is behind' : 'has a change that was not worked on yet'
}

const advices: { readonly [reason: string]: string } = {
  ArtifactFailed: 'see the source: sluice get sources',
  BuildFailed: 'the files do not build: sluice build kustomization PATH shows the same without a cluster',
  ReconciliationFailed:
    'the API server refuses something of it: correct it in Git, sluice diff kustomization shows the answer beforehand',
  HealthCheckFailed: 'it is applied, and does not become healthy: look at the objects above, kubectl describe',
  PruneFailed: 'see the message: something could not, or must not, be deleted',
  AccessDenied: 'the deployment forbids the reference: move the objects into one namespace, or change its settings',
  InstallFailed: 'correct the chart or its values, then: sluice retry hr NAME',
  UpgradeFailed: 'correct the chart or its values, then: sluice retry hr NAME',
  RetriesExceeded: 'nothing more is tried until something changes: sluice retry hr NAME',
  GitOperationFailed: 'check the URL, the reference and the Secret of the repository',
  AuthenticationFailed: 'check the Secret that spec.secretRef names',
}

function adviceFor(object: Managed, ready: Condition | undefined): string {
  if (ready === undefined)
    return 'nobody has worked on it: does a deployment serve this cluster and namespace? sluice doctor says more'
  const known = advices[ready.reason]
  if (known !== undefined) return known.replace('NAME', `${object.metadata.name} -n ${object.metadata.namespace ?? ''}`)
  if (ready.status !== 'False') return 'wait, or ask for a look: sluice reconcile'
  return `sluice reconcile ${object.kind.toLowerCase()} ${object.metadata.name} -n ${object.metadata.namespace ?? ''} tries again`
}

function condition(object: Managed, type: string): Condition | undefined {
  return object.status?.conditions?.find((one) => one.type === type)
}

function isObserved(object: Managed): boolean {
  const { status, metadata } = object
  if (status === undefined || !('observedGeneration' in status)) return true
  return metadata.generation === undefined || status.observedGeneration === metadata.generation
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.filter((text) => text !== ''))]
}

/** The chain as lines, each cause below what it keeps from being ready. Exported for tests. */
export function whyText(why: Why, style: Style): string {
  const lines: string[] = []
  const visit = (node: Why, indent: string, isFirst: boolean): void => {
    const sign = node.isFine ? style.green('✔') : style.red('✗')
    const arrow = isFirst ? '' : style.dim('└─ ')
    lines.push(`${indent}${arrow}${sign} ${style.bold(node.id)} ${node.problem}`)
    const inner = `${indent}${isFirst ? '' : '   '}  `
    for (const detail of node.details) for (const line of plainText(detail).split('\n')) lines.push(`${inner}${line}`)
    if (node.advice !== undefined) lines.push(`${inner}${style.cyan('→')} ${plainText(node.advice)}`)
    for (const cause of node.causes) visit(cause, inner, false)
  }
  visit(why, '', true)
  return `${lines.join('\n')}\n`
}

/** Where the chain starts: objects with a problem that nothing else causes. */
export function rootCauses(why: Why): readonly Why[] {
  if (why.causes.length === 0) return why.isFine ? [] : [why]
  return why.causes.flatMap(rootCauses)
}

/** Ids of all objects of a chain. */
export function idsOf(why: Why): readonly string[] {
  return [why.id, ...why.causes.flatMap(idsOf)]
}
