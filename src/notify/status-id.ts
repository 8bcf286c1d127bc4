import type { Alert, Provider } from '../api/index.ts'
import { compileCel } from '../cel/index.ts'
import { eventFields, type NotificationEvent } from './event.ts'

/**
 * The id of a commit status: the value of `spec.commitStatusExpr` over `event`, `alert` and `provider`, or `kind/name/<first part of the Provider's uid>` in small letters (notification-controller 1.9).
 *
 * @param event with its metadata ready for the Alert.
 * @throws EngineError `cel-invalid`, `cel-evaluation-failed`.
 */
export function commitStatusId(event: NotificationEvent, alert: Alert, provider: Provider): string {
  const { commitStatusExpr: expression = '' } = provider.spec
  if (expression === '') {
    const { kind, name } = event.involvedObject
    return `${kind}/${name}/${provider.metadata.uid?.split('-')[0] ?? ''}`.toLowerCase()
  }
  const program = compileCel(expression, {
    field: 'spec.commitStatusExpr',
    variables: ['event', 'alert', 'provider'],
    gives: 'string',
  })
  return program.evaluateString({
    event: JSON.parse(JSON.stringify(eventFields(event))) as unknown,
    alert,
    provider,
  })
}
