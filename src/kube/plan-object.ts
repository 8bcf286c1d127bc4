import { EngineError } from '../base/index.ts'
import { parseApiVersion, type KubeObject } from '../resources/index.ts'
import { pollUntil, withoutNamespace, type ApplyContext } from './apply-context.ts'
import { changeOf, type Change } from './change-set.ts'
import { compareDryRun, isNewObject } from './drift.ts'
import { isNotFound } from './errors.ts'
import { adoptIgnoredFields, withoutFields } from './ignore-fields.ts'
import type { LiveState } from './live-reader.ts'
import { detectDrift } from './local-drift.ts'
import { takeOverPatch } from './managed-fields.ts'
import { normalizeObject } from './normalize.ts'
import { isSecretKind, keyOf, resourceVersionOf, uidOf, type ObjectKey } from './object-key.ts'
import { hasInMetadata, policiesOf, skipReason } from './policies.ts'
import { checkReplacement } from './recreate.ts'
import { requireAddress } from './request-path.ts'

/** What an apply is going to do with one object. */
export interface PlannedObject {
  /** As it is sent. */
  readonly object: KubeObject
  /** As the caller gave it. */
  readonly source: KubeObject
  readonly key: ObjectKey
  readonly change: Change
  /** As it was found; undefined when it is not there (or was not looked at, for objects that are skipped). */
  readonly live: KubeObject | undefined
  /** The live object must be deleted first: its change is refused, and the new object is known to be valid. */
  readonly isReplacement: boolean
  /** What the dry-run answered, where `keepResults` asks for it. */
  readonly result?: KubeObject
  /** Why it must be deleted first. */
  readonly refusal?: EngineError
}

/** Attempts to see the live object and the dry-run in one version; after that a difference counts, and the apply is sent. */
const maxRounds = 4

/** How long a kind whose definition was just applied may take until the server serves it. */
const newKindTimeoutMs = 15_000

/** The object as it is sent, with its address checked. Cluster-scoped objects lose their namespace. */
export async function prepareObject(
  context: ApplyContext,
  given: KubeObject,
): Promise<{ object: KubeObject; key: ObjectKey }> {
  const { client, options } = context
  const source = withoutEncryption(given, options.owner.group)
  const key = keyOf(source)
  const resource = await client.resource(key, { signal: options.signal })
  requireAddress(resource, key)
  if (resource.namespaced || key.namespace === '') return { object: normalizeObject(source), key }
  return { object: normalizeObject(withoutNamespace(source)), key: { ...key, namespace: '' } }
}

/**
 * A Secret that is still encrypted by SOPS is refused, unless its `decrypt: disabled` says that it is wanted so; then it goes without
 * SOPS's own field, which the server does not know (kustomize-controller 1.9).
 *
 * @throws EngineError `secret-encrypted`.
 */
function withoutEncryption(source: KubeObject, group: string): KubeObject {
  if (!isSecretKind(keyOf(source)) || !Object.hasOwn(source, 'sops')) return source
  if (!hasInMetadata(source, `${group}/decrypt`, 'disabled')) {
    throw new EngineError('it is encrypted by SOPS; set spec.decryption, so that it can be decrypted', {
      code: 'secret-encrypted',
      data: { reason: 'SOPS' },
    })
  }
  const result = { ...source }
  delete result['sops']
  return result
}

/**
 * Compares one object with the cluster: reads it, applies it as a dry-run and looks at the difference. Writes nothing.
 *
 * @throws EngineError of the dry-run; `kube-kind-unknown`, `namespace-not-specified`.
 */
export async function planObject(context: ApplyContext, source: KubeObject): Promise<PlannedObject> {
  const { options, live, client } = context
  const { group } = options.owner
  const { object, key } = await prepareObject(context, source)
  const skipped = (reason: string, found?: KubeObject): PlannedObject => ({
    object,
    source,
    key,
    live: found,
    isReplacement: false,
    change: changeOf(object, 'skipped', { note: reason, ...(found ? { uid: uidOf(found) } : {}) }),
  })
  const ownReason = skipReason(object, undefined, group)
  if (ownReason !== undefined) return skipped(ownReason)

  let state: LiveState = await live.read(client, key, { signal: options.signal })
  const skip = (): string | undefined =>
    state.state === 'present' ? skipReason(object, state.object, group) : undefined
  const early = skip()
  if (early !== undefined && state.state === 'present') return skipped(early, state.object)

  if (options.trustLocal === true && state.state === 'present' && isProvenUnchanged(context, object, state.object)) {
    const change = changeOf(object, 'unchanged', { uid: uidOf(state.object) })
    return { object, source, key, live: state.object, isReplacement: false, change }
  }

  const look = async (): Promise<void> => {
    const found = await client.get(key, { signal: options.signal })
    state = found ? { state: 'present', object: found } : { state: 'absent' }
    live.remember(client, key, found)
  }
  let dryRun: KubeObject
  try {
    dryRun = await dryRunApply(context, key, object)
  } catch (error) {
    if (state.state === 'unknown') await look()
    const late = skip()
    if (late !== undefined && state.state === 'present') return skipped(late, state.object)
    if (state.state !== 'present') throw error
    return planReplacement(context, { object, source, key, live: state.object }, error)
  }
  if (isNewObject(dryRun)) {
    const change = changeOf(object, 'created')
    return { object, source, key, live: undefined, isReplacement: false, change, ...kept(context, dryRun) }
  }
  // Both must be about the same version of the object: controllers write in between.
  for (let round = 0; round < maxRounds; round++) {
    if (isSameVersion(state, dryRun)) break
    await look()
    if (isSameVersion(state, dryRun)) break
    dryRun = await dryRunApply(context, key, object)
  }
  const late = skip()
  if (state.state !== 'present') {
    const change = changeOf(object, 'created')
    return { object, source, key, live: undefined, isReplacement: false, change, ...kept(context, dryRun) }
  }
  if (late !== undefined) return skipped(late, state.object)
  return planUpdate(context, { object, source, key, live: state.object }, dryRun)
}

type Found = Pick<PlannedObject, 'object' | 'source' | 'key'> & { readonly live: KubeObject }

function planUpdate(context: ApplyContext, found: Found, dryRun: KubeObject): PlannedObject {
  const ignored = context.options.ignoredFields?.(found.source) ?? []
  const drift = compareDryRun(withoutFields(found.live, ignored), withoutFields(dryRun, ignored))
  const isDrifted = drift.length > 0 || takeOver(context, found.object, found.live) !== undefined
  const uid = uidOf(found.live)
  const change = isDrifted
    ? changeOf(found.object, 'configured', { uid, drift })
    : changeOf(found.object, 'unchanged', { uid })
  if (!isDrifted || ignored.length === 0)
    return { ...found, change, isReplacement: false, ...kept(context, withoutFields(dryRun, ignored)) }
  const object = adoptIgnoredFields(found.object, found.live, ignored, context.options.fieldManager)
  return { ...found, object, change, isReplacement: false, ...kept(context, withoutFields(dryRun, ignored)) }
}

/** Answers of dry-runs are as large as the objects: an apply has no use for them. */
function kept(context: ApplyContext, result: KubeObject): Pick<PlannedObject, 'result'> {
  return context.options.keepResults === true ? { result } : {}
}

function isSameVersion(state: LiveState, dryRun: KubeObject): boolean {
  return state.state === 'present' && resourceVersionOf(state.object) === resourceVersionOf(dryRun)
}

function isProvenUnchanged(context: ApplyContext, object: KubeObject, live: KubeObject): boolean {
  if (takeOver(context, object, live) !== undefined) return false
  return detectDrift(object, live, context.options.fieldManager).verdict === 'unchanged'
}

/** The patch that takes over other tools' fields of the live object, unless a `Merge` policy forbids it. */
export function takeOver(
  context: ApplyContext,
  desired: KubeObject,
  live: KubeObject,
): ReturnType<typeof takeOverPatch> {
  const { owner, fieldManager } = context.options
  if (policiesOf(desired, owner.group).ssa === 'Merge' || policiesOf(live, owner.group).ssa === 'Merge')
    return undefined
  return takeOverPatch(live, fieldManager, owner.group, context.managers)
}

/** A refused change of an object that may be recreated: it is, when the object would be valid if it were new. */
async function planReplacement(context: ApplyContext, found: Found, refusal: unknown): Promise<PlannedObject> {
  const { group } = context.options.owner
  const mayForce =
    context.options.force === true || policiesOf(found.object, group).force || policiesOf(found.live, group).force
  if (!mayForce || !(refusal instanceof EngineError)) throw refusal
  await checkReplacement(context, found.key, found.object, refusal)
  return {
    ...found,
    isReplacement: true,
    refusal,
    change: changeOf(found.object, 'configured', {
      uid: uidOf(found.live),
      note: 'recreated: fields that cannot be changed differ',
      drift: [],
    }),
  }
}

/** A server-side apply that changes nothing. A kind whose definition was just applied may need a moment until it is served. */
async function dryRunApply(context: ApplyContext, key: ObjectKey, object: KubeObject): Promise<KubeObject> {
  const { client, options } = context
  const send = (): Promise<KubeObject> =>
    client.patch(
      key,
      { type: 'apply', body: object, force: true },
      { fieldManager: options.fieldManager, dryRun: true, signal: options.signal },
    )
  if (!context.newKinds.has(`${parseApiVersion(key.apiVersion).group}/${key.kind}`)) return send()
  let last: unknown
  const result = await pollUntil(context, newKindTimeoutMs, async () => {
    try {
      return await send()
    } catch (error) {
      if (!isNotFound(error)) throw error
      last = error
      return undefined
    }
  })
  if (result === undefined) throw last
  return result
}
