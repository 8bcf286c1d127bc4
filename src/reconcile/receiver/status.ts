import { annotations, setCondition, removeCondition, type Receiver, type ReceiverStatus } from '../../api/index.ts'
import { timestamp } from '../timestamp.ts'

/** Longest message of a condition. */
const maxMessage = 20_000

/** The status of a Receiver that answers at its path (notification-controller 1.9). */
export function readyStatus(object: Receiver, webhookPath: string, now: number): ReceiverStatus {
  const message = `Receiver initialized for path: ${webhookPath}`
  return {
    ...withConditions(object, now, ['Reconciling', 'Stalled'], [['Ready', 'True', 'Succeeded', message]]),
    observedGeneration: object.metadata.generation ?? 0,
    webhookPath,
  }
}

/** The status of a Receiver whose token is missing; it is looked at again. */
export function tokenMissingStatus(object: Receiver, reason: string, message: string, now: number): ReceiverStatus {
  const { webhookPath: _, ...status } = withConditions(
    object,
    now,
    ['Stalled'],
    [
      ['Reconciling', 'True', 'ProgressingWithRetry', 'Reconciliation in progress'],
      ['Ready', 'False', reason, message],
    ],
  )
  return status
}

/** The status of a Receiver that only a change of its spec can help. */
export function terminalStatus(object: Receiver, reason: string, cause: string, now: number): ReceiverStatus {
  const message = terminalMessage(cause)
  return {
    ...withConditions(
      object,
      now,
      ['Reconciling'],
      [
        ['Ready', 'False', reason, message],
        ['Stalled', 'True', reason, message],
      ],
    ),
    observedGeneration: object.metadata.generation ?? 0,
  }
}

/** How Flux words a failure that only a change of the spec can help. */
export function terminalMessage(cause: string): string {
  return `Reconciliation failed terminally due to configuration error: ${cause}`
}

type Wanted = readonly [type: string, status: 'True' | 'False', reason: string, message: string]

function withConditions(
  object: Receiver,
  now: number,
  gone: readonly string[],
  wanted: readonly Wanted[],
): ReceiverStatus {
  let conditions = object.status?.conditions ?? []
  for (const type of gone) conditions = removeCondition(conditions, type)
  const observedGeneration = object.metadata.generation ?? 0
  for (const [type, status, reason, text] of wanted) {
    const message = text.slice(0, maxMessage)
    conditions = setCondition(conditions, { type, status, reason, message, observedGeneration }, timestamp(now))
  }
  const requestedAt = object.metadata.annotations?.[annotations.requestedAt]
  return {
    ...object.status,
    conditions: [...conditions],
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
  }
}
