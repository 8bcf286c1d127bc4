import type { CallOptions, KubeClient } from './client-types.ts'
import { keyOfLike, type ObjectLike } from './object-like.ts'
import { isRepeatable } from './status.ts'

const maxConflicts = 5

/**
 * Adds a finalizer; nothing is sent where it is there already. Others' finalizers stay, also those added meanwhile.
 *
 * @returns the object as it is now; undefined when it is gone.
 */
export async function addFinalizer<T extends ObjectLike>(
  client: KubeClient,
  object: T,
  finalizer: string,
  manager: string,
  options: CallOptions = {},
): Promise<T | undefined> {
  return editFinalizers(
    client,
    object,
    manager,
    (list) => (list.includes(finalizer) ? list : [...list, finalizer]),
    options,
  )
}

/**
 * Removes a finalizer: an object that is being deleted goes away with its last one. Nothing is sent where it is not there.
 *
 * @returns the object as it is now; undefined when it is gone.
 */
export async function removeFinalizer<T extends ObjectLike>(
  client: KubeClient,
  object: T,
  finalizer: string,
  manager: string,
  options: CallOptions = {},
): Promise<T | undefined> {
  const edit = (list: readonly string[]): readonly string[] =>
    list.includes(finalizer) ? list.filter((item) => item !== finalizer) : list
  return editFinalizers(client, object, manager, edit, options)
}

/** The whole list is written, bound to the object's version: it is a set that several write. */
async function editFinalizers<T extends ObjectLike>(
  client: KubeClient,
  object: T,
  manager: string,
  edit: (list: readonly string[]) => readonly string[],
  options: CallOptions,
): Promise<T | undefined> {
  const key = keyOfLike(object)
  let now: T | undefined = object
  for (let round = 0; now !== undefined; round++) {
    const before: readonly string[] = now.metadata.finalizers ?? []
    const after = edit(before)
    if (after === before) return now
    const body = { metadata: { finalizers: after, resourceVersion: now.metadata.resourceVersion } }
    try {
      return await client.patch<T>(key, { type: 'merge', body }, { fieldManager: manager, ...options })
    } catch (error) {
      if (!isRepeatable(error) || round >= maxConflicts) {
        const found = await client.get<T>(key, options)
        if (found === undefined) return undefined
        throw error
      }
    }
    now = await client.get<T>(key, options)
    // The same name may belong to another object by now.
    if (now?.metadata.uid !== object.metadata.uid) return undefined
  }
  return undefined
}
