import { EngineError } from '../base/index.ts'
import { isMap, type KubeObject } from '../resources/index.ts'
import { throughConflicts, type ApplyContext } from './apply-context.ts'
import { changeOf, type Change } from './change-set.ts'
import { uidOf } from './object-key.ts'
import { takeOver, type PlannedObject } from './plan-object.ts'
import { deleteForReplacement } from './recreate.ts'
import { isRepeatable } from './status.ts'

/** Attempts to take over fields while somebody else keeps writing the object. */
const maxTakeOvers = 5

/**
 * Does what was planned for one object. Can be stopped between any two of its requests: the next plan finds what is left to do (fields
 * taken over but not applied show up as drift, an object deleted but not recreated as new).
 *
 * @throws EngineError of the request that failed.
 */
export async function writeObject(context: ApplyContext, planned: PlannedObject): Promise<Change> {
  const { client, options, live } = context
  const { key, object, change } = planned
  if (change.action !== 'created' && change.action !== 'configured') return change
  if (planned.live && planned.isReplacement) {
    await deleteForReplacement(context, key, planned.live)
    live.remember(client, key, undefined)
  } else if (planned.live) {
    if (isTerminating(planned.live) && options.force === true) await deleteForReplacement(context, key, planned.live)
    else await takeOverFields(context, planned, planned.live)
  }
  const written = await throughConflicts(context, () =>
    client.patch(
      key,
      { type: 'apply', body: object, force: true },
      { fieldManager: options.fieldManager, signal: options.signal },
    ),
  )
  live.remember(client, key, written)
  return changeOf(object, change.action, {
    uid: uidOf(written),
    ...(change.note === undefined ? {} : { note: change.note }),
    ...(change.drift === undefined ? {} : { drift: change.drift }),
  })
}

async function takeOverFields(context: ApplyContext, planned: PlannedObject, found: KubeObject): Promise<void> {
  const { client, options } = context
  let current: KubeObject | undefined = found
  for (let round = 0; current; round++) {
    const patch = takeOver(context, planned.object, current)
    if (!patch) return
    try {
      await client.patch(
        planned.key,
        { type: 'json', body: patch },
        { fieldManager: options.fieldManager, signal: options.signal },
      )
      return
    } catch (error) {
      // Somebody wrote in between, or the answer was lost: what is there now tells.
      const mayBePassing = isRepeatable(error) || (error instanceof EngineError && error.code === 'kube-invalid')
      if (!mayBePassing || round + 1 >= maxTakeOvers) throw error
      current = await client.get(planned.key, { signal: options.signal })
    }
  }
}

function isTerminating(object: KubeObject): boolean {
  const metadata = object['metadata']
  return isMap(metadata) && metadata['deletionTimestamp'] !== undefined
}
