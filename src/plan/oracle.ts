import { gvkOf, isMap, type FieldStep, type KubeObject, type KubeValue } from '../resources/index.ts'
import { changesOf, type RawDifference } from './classify.ts'
import { isBuiltInGroup } from './hidden.ts'
import { hasImmutableFields, immutableDifferences } from './immutable.ts'
import type { ObjectInput } from './input.ts'
import { raw, reveal, type Raw } from './raw.ts'
import type { ObjectRedaction } from './redact.ts'

/** Fields in which people put secrets although nothing says so. */
const proneFields: ReadonlySet<string> = new Set([
  'annotations',
  'args',
  'binaryData',
  'command',
  'data',
  'env',
  'parameters',
  'stringData',
  'volumeAttributes',
])

/**
 * Takes away what a server answers only because a value is the one that the cluster has: an author who writes a guess would read there whether it is right.
 *
 * What cannot be changed is refused unless it is what it was. Where the change writes something into it that may be a secret, it counts as refused in any case; so does an immutable Secret. Whether an object that
 * is only taken over would be refused is not told then. Which rules a custom resource has is not known, so that of one into which hidden values are written neither answer counts.
 */
export function withoutOracle(input: ObjectInput, redaction: ObjectRedaction): ObjectInput {
  const { base, head, live } = input
  const present = live ?? base?.object
  if (head === undefined || present === undefined) return input
  const object = reveal(present)
  const { group, kind } = gvkOf(object)
  if (isBuiltInGroup(group) && !hasImmutableFields(object)) return input
  const written = base === undefined ? leavesOf(reveal(head.object)) : changesOf(input)
  if (group === '' && kind === 'Secret') {
    if (object['immutable'] !== true) return input
    return written.length > 0 ? refused(input, 'the Secret is immutable') : input
  }
  const mayHold = ({ steps, after }: RawDifference): boolean =>
    redaction.isHidden(steps) || redaction.hasHidden(steps) || isProne(steps, after)
  if (live === undefined) return input
  if (immutableDifferences(object, written).some(mayHold))
    return base === undefined ? withoutAnswer(input) : refused(input, 'it writes into a field that cannot be changed')
  const isHiddenWritten = written.some(({ steps, after }) =>
    leavesOf(after, steps).some((leaf) => redaction.isHidden(leaf.steps)),
  )
  return !isBuiltInGroup(group) && isHiddenWritten ? withoutAnswer(input) : input
}

function refused(input: ObjectInput, message: string): ObjectInput {
  const { result: _result, refusal: _refusal, ...rest } = input
  return { ...rest, refusal: { message: raw(message), isImmutable: true } }
}

function withoutAnswer(input: ObjectInput): ObjectInput {
  const { result: _result, refusal, ...rest } = input
  return refusal?.isImmutable === false ? { ...rest, refusal } : rest
}

function isProne(steps: readonly FieldStep[], after: KubeValue | undefined): boolean {
  return [...steps, ...fieldsBelow(after)].some((step) => 'field' in step && proneFields.has(step.field))
}

function fieldsBelow(value: KubeValue | undefined): readonly FieldStep[] {
  if (Array.isArray(value)) return value.flatMap(fieldsBelow)
  if (!isMap(value)) return []
  return Object.entries(value).flatMap(([field, one]) => [{ field }, ...fieldsBelow(one)])
}

/** Every value of an object that has no parts, as if it were added. */
function leavesOf(value: KubeValue | undefined, steps: readonly FieldStep[] = []): readonly RawDifference[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesOf(item, [...steps, { item, index }]))
  if (isMap(value)) return Object.entries(value).flatMap(([field, one]) => leavesOf(one, [...steps, { field }]))
  return [{ steps, change: 'add', before: undefined, after: value }]
}

/** Shorter texts stand in messages by chance. */
const minQuoted = 3

/**
 * Texts of an object, the longest first, that a message about it must not quote: rules of custom resources may write down what was there before. All of them count, of the cluster and of both commits, so that
 * nothing is told by which of them are left out.
 */
export function quotableTexts({ base, head, live }: ObjectInput): readonly string[] {
  const held: readonly (Raw<KubeObject> | undefined)[] = [live, base?.object, head?.object]
  const objects = held.flatMap((one) => (one === undefined ? [] : [reveal(one)]))
  if (live === undefined || objects.some((object) => isBuiltInGroup(gvkOf(object).group))) return []
  const texts = objects.flatMap((object) =>
    Object.entries(object)
      .filter(([field]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(field))
      .flatMap(([, value]) => leavesOf(value))
      .flatMap(({ after }) => (typeof after === 'string' && after.length >= minQuoted ? [after] : [])),
  )
  return [...new Set(texts)].sort((a, b) => b.length - a.length)
}
