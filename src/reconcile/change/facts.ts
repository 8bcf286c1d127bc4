import { getCondition } from '../../api/index.ts'
import { isEngineError } from '../../base/index.ts'
import { raw, type ApplicationInput, type DependencyInput } from '../../plan/index.ts'
import { createSafety, type Safety } from '../safety/safety.ts'
import { readClusterState } from '../safety/cluster-state.ts'
import { describePin, pinOf } from '../safety/pin.ts'
import {
  artifactKeyOf,
  dependenciesOf,
  idOf,
  idOfKey,
  isSource,
  originOf,
  parentOf,
  sourceKeyOf,
  type Managed,
  type Workload,
} from '../world.ts'
import { followsChange } from './side-sources.ts'
import { hiddenOf, type Side, type Sides } from './side.ts'
import type { Examined } from './walk.ts'

/** Parents of parents that are looked at. */
const maxDepth = 20
/** Dependencies that are followed to find a cycle. */
const maxFollowed = 1_000

/** What holds the cluster and its objects now. Not read where the change may not learn of the cluster. */
export async function loadSafety({ ctx, change }: Sides): Promise<Safety> {
  const { settings, clock } = ctx.deps
  const state = change.live === 'denied' ? {} : await readClusterState(ctx.client, settings.holdNamespace, ctx.signal)
  return createSafety({ cluster: ctx.job.cluster, settings, state, now: clock.now() })
}

/** Why what the change does to an application does not happen when it is merged: a switch, a pin, a window. Undefined: it does. */
export function heldBecause({ live, head }: Sides, safety: Safety, object: Workload): string | undefined {
  if (object.spec.suspend === true) return 'it is suspended'
  const known = live.get(idOf(object))
  const pin = known === undefined ? undefined : pinOf(known)
  if (pin !== undefined) return `it is ${describePin(pin)}`
  for (const key of [artifactKeyOf(object), sourceKeyOf(object)]) {
    const found = key === undefined ? undefined : head.ctx.world.get(idOfKey(key))
    const source = isSource(found) ? found : undefined
    if (source !== undefined && isSuspended(source)) return `its source ${idOf(source)} is suspended`
    const origin = source === undefined ? undefined : originOf(source)
    const below = origin === undefined ? undefined : head.ctx.world.get(idOfKey(origin))
    if (below !== undefined && isSuspended(below)) return `its source ${idOf(below)} is suspended`
  }
  return (safety.cluster ?? safety.held(object, 'changes'))?.message
}

function isSuspended(object: Managed): boolean {
  return 'suspend' in object.spec && object.spec.suspend === true
}

/**
 * Suspended objects of ours above an application, where the change reaches it through them: because it is another object on both sides. An application whose files change is worked on by itself.
 */
export function suspendedParents(sides: Sides, { id, base, head }: Examined): readonly DependencyInput[] {
  const found: DependencyInput[] = []
  const seen = new Set([id])
  let isReached = hasChanged(sides, base, head)
  for (let at = head ?? base; at !== undefined && isReached && seen.size < maxDepth;) {
    const parent = parentOf(at)
    const object = parent === undefined || seen.has(parent) ? undefined : sides.head.ctx.world.get(parent)
    if (parent === undefined || object?.kind !== 'Kustomization') break
    seen.add(parent)
    if (isSuspended(object)) found.push({ ...nameOf(parent), why: raw('is suspended') })
    const before = sides.base.ctx.world.get(parent)
    isReached = hasChanged(sides, before?.kind === 'Kustomization' ? before : undefined, object)
    at = object
  }
  return found
}

/** A value that head writes and that only the cluster had counts as another one, also where it is the same. */
function hasChanged(sides: Sides, base: Workload | undefined, head: Workload | undefined): boolean {
  const hidden = (side: Side, object: Workload | undefined): unknown => object && hiddenOf(sides.live, side, object)
  const before = [base?.spec, hidden(sides.base, base)]
  return JSON.stringify(before) !== JSON.stringify([head?.spec, hidden(sides.head, head)])
}

/** Dependencies of an application that are not ready and cannot become so: missing, suspended, failed for good, or waiting for the application itself. */
export function deadDependencies(sides: Sides, object: Workload): readonly DependencyInput[] {
  const { world } = sides.head.ctx
  return dependenciesOf(object).flatMap(({ id, readyExpr }): readonly DependencyInput[] => {
    const dependency = world.get(id)
    const dead = (why: string): readonly DependencyInput[] => [{ ...nameOf(id), why: raw(why) }]
    if (dependency?.kind !== 'Kustomization' && dependency?.kind !== 'HelmRelease')
      return isUnknown(sides, id) ? [] : dead('does not exist')
    if (waitsFor(sides, id, idOf(object))) return dead('waits for this application')
    // An expression decides by itself what is ready.
    if (readyExpr !== undefined && readyExpr !== '') return []
    const ready = getCondition(dependency.status?.conditions, 'Ready')?.status === 'True'
    if (dependency.spec.suspend === true && (!ready || hasSameSource(object, dependency))) return dead('is suspended')
    const stalled = getCondition(dependency.status?.conditions, 'Stalled')
    const isSame = dependency.metadata.generation === dependency.status?.observedGeneration
    if (stalled?.status === 'True' && !ready && isSame) return dead('has failed and is not tried again')
    return []
  })
}

/** Without a cluster, what other sources make is not known: their applications are rendered only where the change concerns them. What base has and head has not is gone in any case. */
function isUnknown({ base, head, local, change }: Sides, id: string): boolean {
  if (local?.entry === undefined || base.ctx.world.get(id) !== undefined) return false
  const { world } = head.ctx
  return world.ofKind('Kustomization').some((object) => {
    const key = sourceKeyOf(object)
    const source = key === undefined ? undefined : world.get(idOfKey(key))
    return !isSource(source) || !followsChange(world, source, change)
  })
}

/** A dependency of the same source must be at the same revision, where a suspended one never arrives. */
function hasSameSource(object: Workload, dependency: Workload): boolean {
  if (object.kind !== 'Kustomization' || dependency.kind !== 'Kustomization') return false
  const [own, other] = [sourceKeyOf(object), sourceKeyOf(dependency)]
  return own !== undefined && other !== undefined && idOfKey(own) === idOfKey(other)
}

function waitsFor({ head }: Sides, from: string, target: string): boolean {
  const todo = [from]
  const seen = new Set<string>()
  for (let at = todo.pop(); at !== undefined && seen.size < maxFollowed; at = todo.pop()) {
    if (at === target) return true
    if (seen.has(at)) continue
    seen.add(at)
    const object = head.ctx.world.get(at)
    if (object?.kind === 'Kustomization' || object?.kind === 'HelmRelease')
      todo.push(...dependenciesOf(object).map(({ id }) => id))
  }
  return false
}

function nameOf(id: string): { readonly kind: string; readonly namespace: string; readonly name: string } {
  const [kind = '', namespace = '', ...name] = id.split('/')
  return { kind, namespace, name: name.join('/') }
}

/** How far an application could be looked at, and why not further. */
export function stateOf(
  hasFailed: boolean,
  held: string | undefined,
): { readonly state: ApplicationInput['state']; readonly reasons: readonly string[] } {
  if (hasFailed) return { state: 'failed', reasons: held === undefined ? [] : [held] }
  return held === undefined ? { state: 'planned', reasons: [] } : { state: 'held', reasons: [held] }
}

/** Whether the cluster that an object names, and not the one of the plan, is away. */
export function isAway(error: unknown): boolean {
  return isEngineError(error) && error.code === 'remote-cluster-unreachable'
}
