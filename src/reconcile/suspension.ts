import { apiVersions, fieldManagers, ownAnnotations, type Kind, type KubeObject as ApiObject } from '../api/index.ts'
import { EngineError, parseDuration, toEngineError } from '../base/index.ts'
import { emitEvent, endsRun, managedFieldsOf, type KubeClient } from '../kube/index.ts'
import type { Clock, Logger } from '../ports/index.ts'
import { isMap, type KubeObject } from '../resources/index.ts'
import type { ObjectKey } from './job.ts'
import { timestamp } from './timestamp.ts'
import { isSource, keyOf, sourceKinds, type Managed, type World } from './world.ts'

/** Kinds whose objects can be suspended. */
export const suspendableKinds = [
  'Kustomization',
  'HelmRelease',
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'HelmChart',
  'Bucket',
  'Alert',
  'Provider',
  'Receiver',
] as const satisfies readonly Kind[]

/** Who wants an object left alone, and why. */
export interface SuspendWish {
  readonly by: string
  readonly reason?: string | undefined
  /** Milliseconds since 1970. Left out: until somebody resumes it. */
  readonly until?: number | undefined
}

/** What became of it. */
export interface SuspendResult {
  readonly object: ObjectKey
  /** The object is as it was: it was suspended already by the same person for the same reason, or was not suspended. */
  readonly unchanged: boolean
  /** Set where Git says `spec.suspend` too: the next apply of that field manager undoes what was done here. */
  readonly revertedBy?: string
}

/** What asking for something by hand needs. */
export interface RequestContext {
  readonly client: KubeClient
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/**
 * The time that `--until` or `until` names: RFC 3339, or a duration from `now` on. Milliseconds since 1970.
 *
 * @throws EngineError `until-invalid` for anything else, and for a time that is over.
 */
export function parseUntil(text: string, now: number): number {
  const isTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/.test(text)
  const at = isTime ? Date.parse(text.toUpperCase().replace(' ', 'T')) : now + durationMs(text)
  if (Number.isNaN(at)) throw untilInvalid(text)
  if (at > now) return at
  throw new EngineError(`'${text.slice(0, 40)}' is not in the future`, { code: 'until-invalid' })
}

function durationMs(text: string): number {
  const days = /^(\d+)d$/.exec(text)?.[1]
  if (days !== undefined) return Number(days) * 86_400_000
  try {
    return parseDuration(text)
  } catch {
    throw untilInvalid(text)
  }
}

function untilInvalid(text: string): EngineError {
  return new EngineError(
    `'${text.slice(0, 40)}' is neither a time (2026-01-31T18:00:00Z) nor a duration (90m, 24h, 3d); say when it is to be resumed`,
    { code: 'until-invalid' },
  )
}

/**
 * Suspends an object: `spec.suspend: true`, with annotations that say who, why and until when. The patch is a merge patch under a field manager of
 * its own, as `flux suspend` sends one under the name `flux`: an apply from Git that does not speak of `spec.suspend` leaves it, one that spells it out takes it back.
 *
 * Effects: one PATCH, one Event. @throws EngineError `not-found`, `kind-not-suspendable`, those of the client.
 */
export async function suspendObject(ctx: RequestContext, key: ObjectKey, wish: SuspendWish): Promise<SuspendResult> {
  if (wish.until !== undefined && notScanned.has(key.kind)) {
    throw new EngineError(`an object of kind ${key.kind} is not resumed by itself; suspend it without an end`, {
      code: 'until-invalid',
    })
  }
  const before = await read(ctx, key)
  const until = wish.until === undefined ? undefined : timestamp(wish.until)
  const wanted = {
    [ownAnnotations.suspendedBy]: wish.by,
    [ownAnnotations.suspendedReason]: wish.reason,
    [ownAnnotations.suspendedUntil]: until,
  }
  const known = before.metadata.annotations ?? {}
  const isSame = Object.entries(wanted).every(([name, value]) => known[name] === value)
  const revertedBy = applierOfSuspend(before as unknown as KubeObject)
  const warning = revertedBy === undefined ? {} : { revertedBy }
  if (before.spec?.suspend === true && isSame) return { object: key, unchanged: true, ...warning }
  const annotations = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, value ?? null]))
  const object = await patch(ctx, key, { metadata: { annotations }, spec: { suspend: true } })
  const words = [
    `suspended by ${wish.by}`,
    until === undefined ? undefined : `until ${until}`,
    wish.reason === undefined ? undefined : `: ${wish.reason}`,
  ]
  await note(
    ctx,
    object,
    'Suspended',
    words
      .filter((word) => word !== undefined)
      .join(' ')
      .replace(' : ', ': '),
  )
  return { object: key, unchanged: false, ...warning }
}

/**
 * Resumes an object: takes `spec.suspend` and what was said about it away.
 *
 * Effects: one PATCH, one Event. @throws EngineError `not-found`, `kind-not-suspendable`, those of the client.
 */
export async function resumeObject(ctx: RequestContext, key: ObjectKey, by: string): Promise<SuspendResult> {
  const before = await read(ctx, key)
  const revertedBy = before.spec?.suspend === true ? applierOfSuspend(before as unknown as KubeObject) : undefined
  const warning = revertedBy === undefined ? {} : { revertedBy }
  if (before.spec?.suspend !== true && !isMarked(before)) return { object: key, unchanged: true }
  const object = await patch(ctx, key, resumption)
  await note(ctx, object, 'Resumed', `resumed by ${by}`)
  return { object: key, unchanged: false, ...warning }
}

/**
 * What a scan does first: resumes every object whose time is up, so that the same scan works on it. Only objects that were suspended with an end are
 * touched. The world gets the objects as they are now.
 *
 * Effects: one PATCH and one Event per object. Never rejects for an object: what cannot be resumed is logged, and tried by the next scan.
 */
export async function resumeExpired(ctx: RequestContext, world: World): Promise<void> {
  const now = ctx.clock.now()
  for (const kind of ['Kustomization', 'HelmRelease', ...sourceKinds] as const) {
    for (const object of world.ofKind(kind)) {
      if (!world.serves(object) || !isExpired(object, now)) continue
      try {
        // As it was read: somebody may have suspended it for longer since.
        const { resourceVersion } = object.metadata
        const metadata = { ...resumption.metadata, resourceVersion }
        const resumed = await patch(ctx, keyOf(object), { ...resumption, metadata })
        world.update(resumed as unknown as Managed)
        await note(ctx, resumed, 'Resumed', 'resumed: the time that it was suspended for is over')
      } catch (caught) {
        const error = toEngineError(caught)
        if (endsRun(error)) throw error
        ctx.logger.log('warn', 'not resumed', { object: `${kind}/${object.metadata.name}`, error: error.message })
      }
    }
  }
}

/**
 * The field manager of a server-side apply that has `spec.suspend` itself, undefined where none has: what somebody does by hand lasts only until
 * it applies again.
 */
export function applierOfSuspend(object: KubeObject): string | undefined {
  const entry = managedFieldsOf(object).find(({ operation, fieldsV1 }) => {
    const spec = fieldsV1?.['f:spec']
    return operation === 'Apply' && isMap(spec) && Object.hasOwn(spec, 'f:suspend')
  })
  return entry?.manager
}

/** The scan does not look at these, so nobody would resume them. */
const notScanned: ReadonlySet<string> = new Set(['Alert', 'Provider', 'Receiver'])

/** Null removes a field. */
const resumption = {
  metadata: {
    annotations: {
      [ownAnnotations.suspendedBy]: null,
      [ownAnnotations.suspendedReason]: null,
      [ownAnnotations.suspendedUntil]: null,
    },
  },
  spec: { suspend: null },
}

interface Suspendable extends ApiObject {
  readonly spec?: { readonly suspend?: boolean }
}

async function read(ctx: RequestContext, key: ObjectKey): Promise<Suspendable> {
  const object = await ctx.client.get<Suspendable>(addressOf(key), { signal: ctx.signal })
  if (object !== undefined) return object
  throw new EngineError(`${key.kind} '${key.namespace}/${key.name}' was not found`, {
    code: 'not-found',
    disposition: 'wait',
  })
}

function addressOf(key: ObjectKey): ObjectKey & { readonly apiVersion: string } {
  const kind = suspendableKinds.find((one) => one === key.kind)
  if (kind !== undefined) return { ...key, apiVersion: apiVersions[kind] }
  throw new EngineError(
    `objects of kind ${key.kind} cannot be suspended; those of ${suspendableKinds.join(', ')} can`,
    {
      code: 'kind-not-suspendable',
    },
  )
}

function patch(ctx: RequestContext, key: ObjectKey, body: object): Promise<Suspendable> {
  return ctx.client.patch<Suspendable>(
    addressOf(key),
    { type: 'merge', body },
    { fieldManager: fieldManagers.operator, signal: ctx.signal },
  )
}

function isMarked(object: Suspendable): boolean {
  const given = object.metadata.annotations ?? {}
  const ours = [ownAnnotations.suspendedBy, ownAnnotations.suspendedReason, ownAnnotations.suspendedUntil]
  return ours.some((name) => given[name] !== undefined)
}

function isExpired(object: Managed, now: number): boolean {
  const until = object.metadata.annotations?.[ownAnnotations.suspendedUntil]
  const isSuspended = 'suspend' in object.spec && object.spec.suspend === true
  return isSuspended && until !== undefined && Date.parse(until) <= now
}

/** Best effort, as every event. */
async function note(ctx: RequestContext, object: Suspendable, reason: string, message: string): Promise<void> {
  const controller = isSource(object as unknown as Managed)
    ? 'source-controller'
    : object.kind === 'HelmRelease'
      ? 'helm-controller'
      : object.kind === 'Kustomization'
        ? 'kustomize-controller'
        : 'notification-controller'
  const event = { object, severity: 'info', reason, message, controller, timestamp: ctx.clock.now() } as const
  await emitEvent(ctx.client, event, { signal: ctx.signal }).catch((error: unknown) => {
    ctx.logger.log('warn', 'event not written', { reason, error: toEngineError(error).message })
  })
}
