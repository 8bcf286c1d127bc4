import { compareByteOrder } from '../base/index.ts'
import { gvkOf, nameOf, namespaceOf, objectIdKey, objectIdOf, type KubeObject } from '../resources/index.ts'
import { changesOf, classify, compareObjects, type Classified, type RawDifference } from './classify.ts'
import type { ObjectRef, PlannedAction, PlannedObject } from './document.ts'
import { immutableDifferences } from './immutable.ts'
import type { ApplicationInput, ObjectInput } from './input.ts'
import { quotableTexts, withoutOracle } from './oracle.ts'
import { reveal, type Raw } from './raw.ts'
import { redactObject, showMessage, showName, type ObjectRedaction } from './redact.ts'
import { joinShown, say, type Shown } from './shown.ts'
import { fieldKey, isTainted, taintOf } from './taint.ts'

/** One object as the rules see it: with its values, which reach no text but through `redaction`. */
export interface ObjectView {
  readonly key: string
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly ref: ObjectRef
  /** `Deployment/shop/web`. */
  readonly label: Shown
  /** `unchanged`: nothing happens to it. */
  readonly action: PlannedAction | 'unchanged'
  readonly origin: 'change' | 'drift' | 'both'
  /** As it is: in the cluster, or in base where the cluster was not asked. */
  readonly before: KubeObject | undefined
  /** As it would be; undefined for one that is deleted, and for one that stays although it is gone from Git. */
  readonly after: KubeObject | undefined
  readonly immutable: readonly RawDifference[]
  readonly input: ObjectInput
  readonly redaction: ObjectRedaction
  readonly planned: Omit<PlannedObject, 'action'>
}

const hiddenName = say`(hidden)`

/** What happens to one object. `isLive`: the cluster was asked. */
export function viewObject(given: ObjectInput, application: ApplicationInput): ObjectView | undefined {
  const isLive = application.live === 'read'
  const sample = given.head ?? given.base
  const object = sample === undefined ? given.live && reveal(given.live) : reveal(sample.object)
  if (object === undefined) return undefined
  const redaction = redactObject(object, given.base, given.head)
  const input = withoutOracle(given, redaction)
  const id = objectIdOf(object)
  const ref = refOf(object, input)
  const forRules = (held: Raw<KubeObject> | undefined): KubeObject | undefined =>
    held && redaction.forRules(reveal(held))
  const before = forRules(isLive ? input.live : input.base?.object)
  const after = forRules(input.result ?? input.head?.object)
  const classified = before !== undefined && input.head !== undefined ? classify(input, isLive, redaction) : undefined
  const immutable =
    before === undefined || after === undefined
      ? []
      : immutableOf(before, after, input, application).filter(({ steps }) => !redaction.isHidden(steps))
  const decision = decide(input, application, { before, classified, isImmutable: immutable.length > 0 })
  const place = input.head ?? input.base
  return {
    key: objectIdKey(id),
    ...id,
    ref,
    label: labelOf(ref),
    action: decision.action,
    origin: decision.origin,
    before,
    after: decision.action === 'keep' || decision.action === 'skip' ? before : after,
    immutable,
    input,
    redaction,
    planned: {
      ref,
      origin: decision.origin,
      ...(decision.note === undefined ? {} : { note: decision.note }),
      ...(place?.file === undefined ? {} : { file: showName(place.file) }),
      ...(place?.line === undefined ? {} : { line: place.line }),
      differences: classified?.differences ?? [],
      omitted: classified?.omitted ?? 0,
    },
  }
}

interface Decision {
  readonly action: ObjectView['action']
  readonly origin: ObjectView['origin']
  readonly note?: Shown
}

interface Facts {
  readonly before: KubeObject | undefined
  readonly classified: Classified | undefined
  readonly isImmutable: boolean
}

function decide(input: ObjectInput, application: ApplicationInput, facts: Facts): Decision {
  const { base, head, refusal, skip } = input
  const { before, classified } = facts
  const origin = base === undefined && head === undefined ? 'drift' : 'change'
  const about = { isSecret: isSecretInput(input), hasSecrets: application.hasSecrets }
  if (skip !== undefined) return { action: 'skip', origin, note: showMessage(skip, about) }
  if (head === undefined) {
    if (before === undefined) return { action: 'unchanged', origin }
    if (!(input.prune ?? application.prune)) return { action: 'keep', origin, note: say`gone from Git and not pruned` }
    return { action: 'delete', origin }
  }
  if (refusal !== undefined) {
    const note = showMessage(refusal.message, { ...about, texts: quotableTexts(input) })
    return {
      action: refusal.isImmutable && (input.force ?? application.force) ? 'replace' : 'refuse',
      origin: classified?.origin ?? origin,
      note,
    }
  }
  if (before === undefined) {
    const unchecked = input.unchecked === undefined ? {} : { note: showMessage(input.unchecked, about) }
    if (base === undefined) return { action: 'create', origin: 'change', ...unchecked }
    return { action: 'create', origin: 'drift', note: say`it is in Git already and missing from the cluster` }
  }
  if (base === undefined && application.live === 'read') {
    const note = say`it is in the cluster already and is taken over; texts were not compared`
    return { action: 'change', origin: 'change', note }
  }
  if (classified?.origin === undefined) return { action: 'unchanged', origin }
  const isCompared = classified.isCompared !== false
  return {
    action: facts.isImmutable && (input.force ?? application.force) ? 'replace' : 'change',
    origin: classified.origin,
    ...(isCompared
      ? {}
      : { note: say`items of a list have the same name; the object was not compared with the cluster` }),
  }
}

/** With a dry-run that was taken, nothing is immutable: the server says so. */
function immutableOf(
  before: KubeObject,
  after: KubeObject,
  input: ObjectInput,
  application: ApplicationInput,
): readonly RawDifference[] {
  if (application.live === 'read' && input.result !== undefined && input.refusal === undefined) return []
  // Where the change writes, whether the cluster has it already is not told.
  const written = changesOf(input)
  const keys = new Set(written.map(({ steps }) => fieldKey(steps)))
  const found: RawDifference[] = [...written]
  // A rendered object leaves out what the server fills in, which is no removal.
  const wanted = input.result === undefined && application.live === 'read'
  compareObjects(before, after, (steps, change, was, is) => {
    const isWritten = steps.some((_, at) => keys.has(fieldKey(steps.slice(0, at + 1))))
    if (!isWritten && (!wanted || change !== 'remove')) found.push({ steps, change, before: was, after: is })
  })
  return immutableDifferences(before, found)
}

function isSecretInput(input: ObjectInput): boolean {
  return [input.head?.object, input.base?.object, input.live].some((held) => {
    const { group, kind } = held === undefined ? { group: '', kind: '' } : gvkOf(reveal(held))
    return group === '' && kind === 'Secret'
  })
}

/** The names of an object; one that a secret is part of is hidden. */
export function refOf(object: KubeObject, { base, head }: Pick<ObjectInput, 'base' | 'head'>): ObjectRef {
  const { group, kind } = gvkOf(object)
  const taints = [taintOf(base), taintOf(head)]
  const show = (value: string, ...path: readonly string[]): Shown => {
    const steps = path.map((field) => ({ field }))
    return taints.some((taint) => isTainted(taint, steps)) ? hiddenName : showName(value)
  }
  const isAllHidden = taints.some(({ isTotal }) => isTotal)
  return {
    group: isAllHidden ? showName(group) : show(group, 'apiVersion'),
    kind: isAllHidden ? showName(kind) : show(kind, 'kind'),
    namespace: show(namespaceOf(object), 'metadata', 'namespace'),
    name: show(nameOf(object), 'metadata', 'name'),
  }
}

/** `Kind/namespace/name`. */
export function labelOf(ref: Pick<ObjectRef, 'kind' | 'namespace' | 'name'>): Shown {
  return joinShown(ref.namespace === '' ? [ref.kind, ref.name] : [ref.kind, ref.namespace, ref.name], '/')
}

/** The order of objects in a plan: by what is shown of them, since a place between two names tells something about a hidden one. Objects that are called the same come by where they are written and what happens to them. */
export function compareViews(a: ObjectView, b: ObjectView): number {
  return (
    compareByteOrder(orderOf(a), orderOf(b)) || compareByteOrder(JSON.stringify(a.planned), JSON.stringify(b.planned))
  )
}

function orderOf({ label, ref, action, planned }: ObjectView): string {
  const { file = '', line = 0 } = planned
  return [label, ref.group, file, String(line).padStart(9, '0'), action].join('\0')
}
