import { annotations, apiVersions, fieldManagers, ownAnnotations, type KubeObject } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { emitEvent, endsRun } from '../../kube/index.ts'
import type { ObjectKey } from '../job.ts'
import type { RequestContext } from '../suspension.ts'
import { timestamp } from '../timestamp.ts'
import { isSource, keyOf, sourceKinds, type Managed, type World } from '../world.ts'
import { commitOf, describePin, digestOf, pinOf } from './pin.ts'

/** What somebody wants an object pinned to. */
export interface PinWish {
  /** A commit (`<sha>`, `main@sha1:<sha>`), a digest (`sha256:<hex>`), or a version of a chart. */
  readonly to: string
  readonly by: string
  readonly reason?: string | undefined
  /** Milliseconds since 1970. Left out: until somebody unpins it. */
  readonly until?: number | undefined
}

/** What became of it. */
export interface PinResult {
  readonly object: ObjectKey
  readonly unchanged: boolean
  /** The value of `reconcile.fluxcd.io/requestedAt` that was set with it. */
  readonly requestedAt?: string
}

/** Kinds whose objects can be pinned, and to what. */
const forms: {
  readonly [kind in 'GitRepository' | 'Kustomization' | 'OCIRepository' | 'HelmRelease']: {
    readonly what: string
    readonly read: (text: string) => string | undefined
  }
} = {
  GitRepository: { what: "a commit's whole name, of forty letters", read: commitOf },
  Kustomization: { what: "a commit's whole name, of forty letters", read: commitOf },
  OCIRepository: { what: 'a digest, sha256:…', read: digestOf },
  HelmRelease: {
    what: 'one version of its chart, such as 1.2.3',
    read: (text) => (/^v?\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/.test(text) ? text : undefined),
  },
}

interface Pinnable extends KubeObject {
  readonly spec?: {
    readonly sourceRef?: { readonly kind?: string }
    readonly chart?: { readonly spec?: { readonly sourceRef?: { readonly kind?: string } } }
  }
}

/**
 * Pins an object: annotations that say to what, who, why and until when. What Git says in `spec` stays as it is. Whoever pins does it with the rights that the client has, and
 * that a commit belongs to the reference of the repository is checked when it is fetched.
 *
 * Effects: one PATCH (with a request for a look), one Event.
 * @throws EngineError `not-found`, `pin-invalid` for what cannot be pinned (so), those of the client.
 */
export async function pinObject(ctx: RequestContext, key: ObjectKey, wish: PinWish): Promise<PinResult> {
  const form = Object.hasOwn(forms, key.kind) ? forms[key.kind as keyof typeof forms] : undefined
  if (form === undefined)
    throw pinInvalid(`objects of kind ${key.kind} cannot be pinned; those of ${Object.keys(forms).join(', ')} can`)
  const to = form.read(wish.to.trim())
  if (to === undefined)
    throw pinInvalid(`'${wish.to.slice(0, 80)}' is not what a ${key.kind} is pinned to: ${form.what}`)
  const before = await read(ctx, key)
  refuseWhatHasNone(before)
  const wanted = {
    [ownAnnotations.pin]: to,
    [ownAnnotations.pinnedBy]: wish.by,
    [ownAnnotations.pinnedReason]: wish.reason,
    [ownAnnotations.pinnedUntil]: wish.until === undefined ? undefined : timestamp(wish.until),
  }
  const known = before.metadata.annotations ?? {}
  if (Object.entries(wanted).every(([name, value]) => known[name] === value)) return { object: key, unchanged: true }
  const object = await annotate(ctx, key, wanted)
  const pin = pinOf(object)
  if (pin !== undefined) await note(ctx, object, 'Pinned', describePin(pin))
  return { object: key, unchanged: false, ...requestOf(object) }
}

/** Takes a pin away. Effects: one PATCH (with a request for a look), one Event. @throws EngineError `not-found`, `pin-invalid`, those of the client. */
export async function unpinObject(ctx: RequestContext, key: ObjectKey, by: string): Promise<PinResult> {
  if (!Object.hasOwn(forms, key.kind)) throw pinInvalid(`objects of kind ${key.kind} cannot be pinned`)
  const before = await read(ctx, key)
  if (pinOf(before) === undefined) return { object: key, unchanged: true }
  const object = await annotate(ctx, key, nothing)
  await note(ctx, object, 'Unpinned', `unpinned by ${by}`)
  return { object: key, unchanged: false, ...requestOf(object) }
}

/**
 * What a scan does first: unpins every object whose time is up. The world gets the objects as they are now.
 *
 * Effects: one PATCH and one Event per object. Never rejects for an object: it is logged, and tried by the next scan.
 */
export async function unpinExpired(ctx: RequestContext, world: World): Promise<void> {
  const now = ctx.clock.now()
  for (const kind of ['Kustomization', 'HelmRelease', ...sourceKinds] as const) {
    for (const object of world.ofKind(kind)) {
      const until = pinOf(object)?.until
      if (until === undefined || !(Date.parse(until) <= now)) continue
      try {
        // As it was read: somebody may have pinned it for longer since.
        const unpinned = await annotate(ctx, keyOf(object), nothing, object.metadata.resourceVersion)
        world.update(unpinned as unknown as Managed)
        await note(ctx, unpinned, 'Unpinned', 'unpinned: the time that it was pinned for is over')
      } catch (caught) {
        const error = toEngineError(caught)
        if (endsRun(error)) throw error
        ctx.logger.log('warn', 'not unpinned', { object: `${kind}/${object.metadata.name}`, error: error.message })
      }
    }
  }
}

function requestOf(object: Pinnable): { readonly requestedAt?: string } {
  const requestedAt = object.metadata.annotations?.[annotations.requestedAt]
  return requestedAt === undefined ? {} : { requestedAt }
}

const nothing = {
  [ownAnnotations.pin]: undefined,
  [ownAnnotations.pinnedBy]: undefined,
  [ownAnnotations.pinnedReason]: undefined,
  [ownAnnotations.pinnedUntil]: undefined,
}

/** A chart that is no version of a repository, and a source whose revisions are no commits. */
function refuseWhatHasNone({ kind, spec }: Pinnable): void {
  const ofChart = spec?.chart?.spec?.sourceRef?.kind
  if (kind === 'HelmRelease' && ofChart !== 'HelmRepository')
    throw pinInvalid(
      `its chart has no versions to choose from: it comes from a ${ofChart ?? 'chartRef'}; pin that source instead`,
    )
  const source = spec?.sourceRef?.kind
  if (kind === 'Kustomization' && source !== 'GitRepository')
    throw pinInvalid(
      `only a Kustomization of a GitRepository is pinned by itself; pin its ${source ?? 'source'} instead`,
    )
}

async function read(ctx: RequestContext, key: ObjectKey): Promise<Pinnable> {
  const object = await ctx.client.get<Pinnable>(addressOf(key), { signal: ctx.signal })
  if (object !== undefined) return object
  throw new EngineError(`${key.kind} '${key.namespace}/${key.name}' was not found`, {
    code: 'not-found',
    disposition: 'wait',
  })
}

function addressOf(key: ObjectKey): ObjectKey & { readonly apiVersion: string } {
  return { ...key, apiVersion: apiVersions[key.kind as keyof typeof apiVersions] }
}

/** Sets and (undefined) removes annotations, and asks for a look, which a change of annotations alone is not. */
async function annotate(
  ctx: RequestContext,
  key: ObjectKey,
  wanted: { readonly [name: string]: string | undefined },
  resourceVersion?: string,
): Promise<Pinnable> {
  const entries = Object.entries(wanted).map(([name, value]) => [name, value ?? null])
  const requestedAt = new Date(ctx.clock.now()).toISOString()
  const notes = { ...Object.fromEntries(entries), [annotations.requestedAt]: requestedAt }
  const body = { metadata: { annotations: notes, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }
  return ctx.client.patch<Pinnable>(
    addressOf(key),
    { type: 'merge', body },
    { fieldManager: fieldManagers.operator, signal: ctx.signal },
  )
}

function pinInvalid(message: string): EngineError {
  return new EngineError(message, { code: 'pin-invalid', disposition: 'wait' })
}

/** Best effort, as every event. */
async function note(ctx: RequestContext, object: KubeObject, reason: string, message: string): Promise<void> {
  const controller = isSource(object as unknown as Managed)
    ? 'source-controller'
    : object.kind === 'HelmRelease'
      ? 'helm-controller'
      : 'kustomize-controller'
  const event = { object, severity: 'info', reason, message, controller, timestamp: ctx.clock.now() } as const
  await emitEvent(ctx.client, event, { signal: ctx.signal }).catch((error: unknown) => {
    ctx.logger.log('warn', 'event not written', { reason, error: toEngineError(error).message })
  })
}
