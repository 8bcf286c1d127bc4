import { EngineError } from '../base/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ApplyOptions, ObjectFailure } from './apply-types.ts'
import type { KubeClient } from './client-types.ts'
import { throwIfAborted } from './deadline.ts'
import { isConflict } from './errors.ts'
import { createDirectReader, createLazyReader, type LiveReader } from './live-reader.ts'
import { replacedManagers, type ReplacedManager } from './managed-fields.ts'
import { formatKey, type ObjectKey } from './object-key.ts'

/** What the parts of one apply share. */
export interface ApplyContext {
  readonly client: KubeClient
  readonly options: ApplyOptions
  readonly live: LiveReader
  readonly managers: readonly ReplacedManager[]
  readonly concurrency: number
  /** Kinds (`group/Kind`) whose definitions this apply has created or changed. */
  readonly newKinds: Set<string>
}

export function createApplyContext(client: KubeClient, options: ApplyOptions): ApplyContext {
  return {
    client,
    options,
    live: options.live ?? (options.trustLocal === true ? createDirectReader() : createLazyReader()),
    managers: replacedManagers(options.fieldManager, options.overrideManagers),
    concurrency: options.concurrency ?? 8,
    newKinds: new Set(),
  }
}

/** The failure of one object. Its message names the object first, as Flux's do; the server's answer stays in `data`. */
export function failureOf(
  caught: unknown,
  key: ObjectKey,
  phase: ObjectFailure['phase'],
  origin?: ReturnType<NonNullable<ApplyOptions['originOf']>>,
): ObjectFailure {
  const cause =
    caught instanceof EngineError
      ? caught
      : new EngineError(String(caught), { code: 'unexpected', disposition: 'bug', cause: caught })
  const verb =
    phase === 'dry-run'
      ? ' dry-run failed'
      : phase === 'delete'
        ? ' delete failed'
        : phase === 'wait'
          ? ''
          : ' apply failed'
  const serverReason = cause.data['reason']
  const reason = phase !== 'wait' && typeof serverReason === 'string' && serverReason !== '' ? ` (${serverReason})` : ''
  const name = formatKey(key)
  const message = cause.message.startsWith(`${name} namespace not specified`)
    ? cause.message
    : `${name}${verb}${reason}: ${cause.message}`
  const { retryAfterMs } = cause
  const error = new EngineError(message, {
    code: cause.code,
    disposition: cause.disposition,
    reason: phase === 'delete' ? 'PruneFailed' : 'ReconciliationFailed',
    data: { ...cause.data, object: name },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  })
  return { key, phase, error, ...(origin === undefined ? {} : { origin }) }
}

/** True for errors after which going on with other objects is pointless: the cluster is away, or the caller has stopped. */
export function isFatal(error: unknown): boolean {
  return (
    error instanceof EngineError &&
    ['cluster-unreachable', 'remote-cluster-unreachable', 'aborted', 'kube-unauthorized'].includes(error.code)
  )
}

/** Attempts at an object that somebody else's write gets in the way of. */
const maxConflicts = 5

/**
 * Does something again when somebody wrote the object at the same moment. `send` must fit the newer object as well: an apply names no version, a
 * delete only the uid.
 */
export async function throughConflicts<T>(
  context: { readonly client: KubeClient; readonly options: Pick<ApplyOptions, 'signal'> },
  send: () => Promise<T>,
): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await send()
    } catch (error) {
      if (!isConflict(error) || round >= maxConflicts) throw error
    }
    await context.client.clock
      .sleep(20 * 2 ** round, context.options.signal)
      .catch(() => throwIfAborted(context.options.signal))
  }
}

/** Calls `look` until it gives a result, first at once, then after growing pauses (200 ms to 2 s). Undefined when the time is over. */
export async function pollUntil<T>(
  context: Pick<ApplyContext, 'client' | 'options'>,
  timeoutMs: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const { clock } = context.client
  const end = clock.now() + timeoutMs
  for (let pause = 100; ; pause = Math.min(2_000, pause * 1.5)) {
    throwIfAborted(context.options.signal)
    const result = await look()
    if (result !== undefined || clock.now() + pause > end) return result
    await clock.sleep(pause, context.options.signal).catch(() => throwIfAborted(context.options.signal))
  }
}

/** The object with `metadata.namespace` removed: cluster-scoped objects are stored and listed without one. */
export function withoutNamespace(object: KubeObject): KubeObject {
  const metadata = { ...(object['metadata'] as { [key: string]: never }) }
  delete metadata['namespace']
  return { ...object, metadata }
}
