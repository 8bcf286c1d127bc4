import { fieldManagers } from '../../api/index.ts'
import { EngineError, mapLimit, toEngineError } from '../../base/index.ts'
import { formatKey, isConflict, normalizeObject, type DriftPath } from '../../kube/index.ts'
import {
  compareForApply,
  objectIdOf,
  parseJsonPointer,
  scalarText,
  type JsonPatchOperation,
  type KubeObject,
} from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { describePermanent, rememberDrift } from '../drift-memory.ts'
import { idOf } from '../world.ts'
import { emitEvent, mark, type Attempt } from './attempt.ts'
import { compileIgnoreRules, driftPatch, isDriftIgnored, type IgnoreRules } from './drift-rules.ts'
import { latestSnapshot, releaseText } from './history.ts'
import { isProvenUnchanged, keyOfObject, mapOf, messageOf, releaseObjects, type ReleaseName } from './objects.ts'
import { admitObjects } from './admit-release.ts'
import { objectsContext } from './operation.ts'
import { concernsRun } from './passing-errors.ts'

/** An object of a release that is not as the release has it: gone, or changed in the way that `patch` undoes. */
export interface Drifted {
  readonly object: KubeObject
  readonly patch: readonly JsonPatchOperation[] | undefined
}

/** The part of a release that its objects are compared with. */
export interface DeployedManifest extends ReleaseName {
  readonly manifest: string
}

/**
 * Compares the objects of a deployed release with its stored manifest and, with mode `enabled`, puts back what was changed (helm-controller
 * 1.6, drift detection; no new Helm revision). What a local comparison with the live object proves unchanged costs no dry-run.
 *
 * Effects: condition Drifted; events DriftDetected, and DriftCorrected or DriftCorrectionFailed.
 *
 * @throws EngineError with reason `StateError` when nothing was found and not everything could be looked at.
 */
export async function handleDrift(ctx: RunContext, attempt: Attempt, release: DeployedManifest): Promise<void> {
  const { driftDetection } = attempt.object.spec
  const mode = driftDetection?.mode ?? 'disabled'
  if (mode === 'disabled') return
  const rules = compileIgnoreRules(driftDetection?.ignore)
  const objects = await releaseObjects(objectsContext(ctx, attempt), release, release.manifest)
  await admitObjects(ctx, attempt, objects, release.namespace)
  const found = await findDrift(ctx, attempt, objects, rules)
  await emitPermanentDrift(ctx, attempt, found)
  if (found.length === 0) return noDrift(ctx, attempt)
  const latest = latestSnapshot(attempt.object.status?.history)
  const name = latest === undefined ? release.name : releaseText(latest)
  const message = `Cluster state of release ${name} has drifted from the desired state:\n${found.map(describe).join('\n')}`
  emitEvent(ctx, attempt, 'error', 'DriftDetected', message, {})
  mark(ctx, attempt, 'Drifted', 'True', 'DriftDetected', message)
  if (mode !== 'enabled') return
  const isCorrected = await correct(ctx, attempt, found, name)
  const left = isCorrected
    ? await findDrift(
        ctx,
        attempt,
        found.map(({ object }) => object),
        rules,
      )
    : found
  if (left.length === 0) noDrift(ctx, attempt)
}

/** Says which of the differences come back each time, and how to leave them alone. */
async function emitPermanentDrift(ctx: RunContext, attempt: Attempt, found: readonly Drifted[]): Promise<void> {
  const changes = found.map((one) => ({
    object: formatKey(keyOfObject(one.object)),
    action: 'drifted',
    drift: pathsOf(one),
  }))
  const permanent = await rememberDrift(ctx.deps, idOf(attempt.object), changes)
  if (permanent.length === 0) return
  emitEvent(ctx, attempt, 'error', 'DriftReturns', describePermanent(permanent, 'spec.driftDetection.ignore'), {})
}

function noDrift(ctx: RunContext, attempt: Attempt): void {
  mark(ctx, attempt, 'Drifted', 'False', 'NoDriftDetected', 'No drift detected against the cluster state')
}

/** Objects that are not as wanted. Failures of some do not hide what was found at others. */
async function findDrift(
  ctx: RunContext,
  attempt: Attempt,
  objects: readonly KubeObject[],
  rules: IgnoreRules,
): Promise<readonly Drifted[]> {
  const errors: string[] = []
  const found = await mapLimit(objects, ctx.deps.limits.applyConcurrency, async (object) => {
    try {
      return await compare(ctx, attempt, object, rules)
    } catch (error) {
      if (concernsRun(error)) throw error
      errors.push(`${formatKey(keyOfObject(object))}: ${messageOf(error)}`)
      return undefined
    }
  })
  const drifted = found.filter((one) => one !== undefined)
  if (errors.length > 0 && drifted.length === 0)
    throw new EngineError(`unable to determine cluster state: ${errors.join('; ')}`, {
      code: 'drift-unknown',
      reason: 'StateError',
      disposition: 'retry',
    })
  return drifted
}

/** Rounds in which the live object and the dry-run must be seen in one version; after that a difference counts. */
const maxRounds = 4

async function compare(
  ctx: RunContext,
  attempt: Attempt,
  object: KubeObject,
  rules: IgnoreRules,
): Promise<Drifted | undefined> {
  const ignored = rules(object)
  if (isDriftIgnored(object) || ignored.includes('')) return undefined
  const { client } = attempt
  const key = keyOfObject(object)
  const reader = ctx.isBulk ? ctx.helm.live : undefined
  const known = await reader?.read(client, key, { signal: ctx.signal })
  let live = known?.state === 'present' ? known.object : await client.get<KubeObject>(key, { signal: ctx.signal })
  const wanted = normalizeObject(object)
  for (let round = 0; ; round++) {
    if (live === undefined) return { object, patch: undefined }
    if (isDriftIgnored(live)) return undefined
    if (isProvenUnchanged(object, live)) return undefined
    const dryRun = await client.patch<KubeObject>(
      key,
      { type: 'apply', body: wanted, force: true },
      { fieldManager: fieldManagers.helm, dryRun: true, signal: ctx.signal },
    )
    const isSameVersion = versionOf(dryRun) === versionOf(live)
    if (isSameVersion || round + 1 >= maxRounds) {
      const patch = driftPatch(live, dryRun, ignored)
      return patch.length === 0 ? undefined : { object, patch }
    }
    live = await client.get<KubeObject>(key, { signal: ctx.signal })
    reader?.remember(client, key, live)
  }
}

function versionOf(object: KubeObject): string {
  return scalarText(mapOf(object['metadata'])['resourceVersion'])
}

/** Creates what is gone, then patches what was changed, each in the order of kinds. False when something could not be corrected. */
async function correct(ctx: RunContext, attempt: Attempt, found: readonly Drifted[], name: string): Promise<boolean> {
  const order = (a: Drifted, b: Drifted): number => compareForApply(objectIdOf(a.object), objectIdOf(b.object))
  const isMissing = (one: Drifted): boolean => one.patch === undefined
  const errors: string[] = []
  const done: string[] = []
  for (const one of [
    ...found.filter(isMissing).toSorted(order),
    ...found.filter((x) => !isMissing(x)).toSorted(order),
  ]) {
    try {
      await correctOne(ctx, attempt, one)
      const action = isMissing(one) ? 'created' : 'configured'
      done.push(`${formatKey(keyOfObject(one.object))} ${action}`)
      attempt.changes.push({ object: formatKey(keyOfObject(one.object)), action, drift: pathsOf(one) })
    } catch (error) {
      if (concernsRun(error)) throw error
      const what = isMissing(one) ? 'creation' : 'patch'
      // The server's message may quote values of a Secret.
      const text = one.object['kind'] === 'Secret' ? toEngineError(error).code : messageOf(error)
      errors.push(`${formatKey(keyOfObject(one.object))} ${what} failure: ${text}`)
    }
  }
  const subject = latestSnapshot(attempt.object.status?.history) ?? {}
  if (errors.length > 0) {
    const partly = done.length > 0 ? 'partially ' : ''
    const successes = done.length > 0 ? `\n\nSuccessful corrections:\n${done.join('\n')}` : ''
    const message = `Failed to ${partly}correct cluster state of release ${name}:\n${errors.join('\n')}${successes}`
    emitEvent(ctx, attempt, 'error', 'DriftCorrectionFailed', message, subject)
    return false
  }
  const message = `Cluster state of release ${name} has been corrected:\n${done.join('\n')}`
  emitEvent(ctx, attempt, 'info', 'DriftCorrected', message, subject)
  return true
}

async function correctOne(ctx: RunContext, attempt: Attempt, drifted: Drifted): Promise<void> {
  const { client } = attempt
  const { object, patch } = drifted
  const key = keyOfObject(object)
  const options = { fieldManager: fieldManagers.helm, signal: ctx.signal }
  const live =
    patch === undefined
      ? await client.patch<KubeObject>(key, { type: 'apply', body: normalizeObject(object), force: true }, options)
      : await client.patch<KubeObject>(key, { type: 'json', body: patch as never }, options).catch((error: unknown) => {
          if (isConflict(error)) throw new EngineError('it was changed meanwhile', { code: 'drift-raced' })
          throw error
        })
  ctx.helm.live.remember(client, key, live)
}

function describe({ object, patch }: Drifted): string {
  if (patch === undefined) return `${formatKey(keyOfObject(object))} removed`
  const count = (op: string): number => patch.filter((operation) => operation.op === op).length
  return `${formatKey(keyOfObject(object))} changed (${count('add')} additions, ${count('replace')} changes, ${count('remove')} removals)`
}

/** The paths of a patch as records of runs show them. Never values. */
function pathsOf({ patch }: Drifted): readonly DriftPath[] {
  return (patch ?? []).map(({ op, path }) => ({
    path: (parseJsonPointer(path) ?? [])
      .map((part) =>
        /^\d+$/.test(part) ? `[${part}]` : /^[A-Za-z_][\w-]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`,
      )
      .join(''),
    change: op === 'add' || op === 'remove' ? op : 'replace',
    pointer: path,
  }))
}
