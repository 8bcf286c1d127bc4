import { EngineError } from '../base/index.ts'
import { isMap, type KubeObject } from '../resources/index.ts'
import { pollUntil, type ApplyContext } from './apply-context.ts'
import { uidOf, type ObjectKey } from './object-key.ts'

/** What only the object that is to be deleted stands in the way of: its own address or port is taken by itself. */
const takenByItself = /already allocated|provided port is not available|already in use/i

/**
 * Makes sure that an object whose change the server refuses is refused only because it exists: the same object under a free name must
 * be accepted as new (dry-run). This tells immutable fields from all other mistakes without knowing any message, and nothing is
 * deleted that could not be created again.
 *
 * @throws the refusal itself when it is not about validity; EngineError `replacement-invalid` (`stall`) when the new object is refused, too; its cause is that refusal.
 */
export async function checkReplacement(
  context: ApplyContext,
  key: ObjectKey,
  object: KubeObject,
  refusal: EngineError,
): Promise<void> {
  if (refusal.code !== 'kube-invalid' && !isImmutableMessage(refusal)) throw refusal
  const { client, options } = context
  const name = probeName(key.name, client.random.bytes(4))
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const probe: KubeObject = { ...object, metadata: { ...metadata, name } }
  try {
    // By the same verb as the real one: a plain create would let unknown fields pass.
    const probeKey = { ...key, name }
    const patch = { type: 'apply', body: probe, force: true } as const
    await client.patch(probeKey, patch, { dryRun: true, fieldManager: options.fieldManager, signal: options.signal })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.code === 'kube-invalid' && takenByItself.test(error.message)) return
    if (error.disposition === 'retry') throw error
    const asNew = error.message.replaceAll(name, key.name)
    throw new EngineError(
      `${refusal.message}; it was not recreated, because a new one would be refused as well: ${asNew}`,
      {
        code: 'replacement-invalid',
        data: refusal.data,
        cause: new EngineError(asNew, { code: error.code, disposition: error.disposition, cause: error }),
      },
    )
  }
}

/** Admission webhooks and policies may report an immutable field as Forbidden. */
function isImmutableMessage(error: EngineError): boolean {
  return (error.code === 'kube-forbidden' || error.code === 'kube-bad-request') && /immutable/i.test(error.message)
}

/** A name of the same form that nothing has: cut so that it fits wherever the original does. */
function probeName(name: string, random: Uint8Array): string {
  const suffix = [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const room = Math.max(0, name.length - suffix.length - 1)
  return `${name.slice(0, Math.min(room, 40)).replace(/[^a-z0-9]+$/i, '') || 'x'}-${suffix}`
}

/**
 * Deletes exactly the object that was looked at and waits until it is gone.
 *
 * @throws EngineError `object-still-there` (`retry`) when finalizers hold it longer than the deadline: the next run goes on from here.
 */
export async function deleteForReplacement(context: ApplyContext, key: ObjectKey, live: KubeObject): Promise<void> {
  const { client, options } = context
  const uid = uidOf(live)
  const outcome = await client.delete(key, { uid, propagation: 'Background', signal: options.signal })
  if (outcome === 'absent') return
  const timeoutMs = options.deleteTimeoutMs ?? 60_000
  const isGone = await pollUntil(context, timeoutMs, async () => {
    const found = await client.get(key, { metadataOnly: true, signal: options.signal })
    return found === undefined || uidOf(found) !== uid ? true : undefined
  })
  if (isGone === true) return
  throw new EngineError(
    `it must be recreated, but it is still there ${timeoutMs} ms after it was deleted; look at its finalizers`,
    { code: 'object-still-there', disposition: 'retry', data: { uid } },
  )
}
