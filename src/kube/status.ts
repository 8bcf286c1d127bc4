import { EngineError } from '../base/index.ts'
import { equalValues, isMap, type KubeMap, type KubeValue } from '../resources/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { isConflict } from './errors.ts'
import { formatKey } from './object-key.ts'
import { keyOfLike, type ObjectLike } from './object-like.ts'

/** An object with a status that we write. */
export interface WithStatus extends ObjectLike {
  readonly status?: object | undefined
}

const maxConflicts = 5

/**
 * Writes the status of one of our objects: a merge patch of the difference between `object.status` (as it was read) and `status`, with
 * lists (conditions, inventory, history) as a whole. Nothing is sent where nothing differs. It is bound to the object's version:
 * when only something beside the status was changed meanwhile, it is sent again on the newer object.
 *
 * Effects: at most one successful PATCH of the status subresource as `manager`.
 * @returns the object as it is now.
 * @throws EngineError `status-changed` (`retry`) when somebody else has written the status meanwhile; `kube-not-found` when the object is gone.
 */
export async function patchStatus<T extends WithStatus>(
  client: KubeClient,
  object: T,
  status: object,
  manager: string,
  options: CallOptions = {},
): Promise<T> {
  const before = toMap(object.status)
  const after = toMap(status)
  const patch = mergePatch(before, after)
  if (patch === undefined) return object
  const key = keyOfLike(object)
  let resourceVersion = object.metadata.resourceVersion
  for (let round = 0; ; round++) {
    try {
      const body = { metadata: { resourceVersion }, status: patch }
      return await client.patch<T>(
        key,
        { type: 'merge', body },
        { fieldManager: manager, subresource: 'status', ...options },
      )
    } catch (error) {
      if (!isRepeatable(error) || round >= maxConflicts) throw error
    }
    const found = await client.get<T>(key, options)
    if (found === undefined || found.metadata.uid !== object.metadata.uid) throw goneError(formatKey(key))
    const now = toMap(found.status)
    // The answer to a patch that was done may have been lost.
    if (equalValues(now, after)) return found
    if (!equalValues(now, before)) throw changedError(formatKey(key))
    resourceVersion = found.metadata.resourceVersion
  }
}

/** Failures after which a write may or may not have been done. */
const unclear: ReadonlySet<string> = new Set([
  'cluster-unreachable',
  'kube-timeout',
  'kube-server-error',
  'kube-unavailable',
])

/** Conflicts, and answers that were lost: what is there now tells what to do. */
export function isRepeatable(error: unknown): boolean {
  return isConflict(error) || (error instanceof EngineError && unclear.has(error.code))
}

/** Typed statuses as plain data: fields that are undefined are left out, as they are on the wire. */
function toMap(status: object | undefined): KubeMap {
  return status === undefined ? {} : (JSON.parse(JSON.stringify(status)) as KubeMap)
}

/** The JSON merge patch (RFC 7386) that turns `before` into `after`; undefined where both are the same. */
export function mergePatch(before: KubeMap, after: KubeMap): KubeMap | undefined {
  const patch: KubeMap = {}
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null
  for (const [key, value] of Object.entries(after)) {
    const old: KubeValue | undefined = Object.hasOwn(before, key) ? before[key] : undefined
    if (equalValues(old, value)) continue
    patch[key] = isMap(old) && isMap(value) ? (mergePatch(old, value) ?? value) : value
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

function goneError(name: string): EngineError {
  return new EngineError(`${name} was deleted meanwhile; its status cannot be written`, {
    code: 'kube-not-found',
    disposition: 'wait',
  })
}

function changedError(name: string): EngineError {
  return new EngineError(`the status of ${name} was written by somebody else meanwhile; look at it again`, {
    code: 'status-changed',
    disposition: 'retry',
  })
}
