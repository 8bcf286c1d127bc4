import { isEngineError } from '../src/base/index.ts'
import type { Json } from '../src/base/index.ts'
import type { Logger } from '../src/ports/index.ts'
import { isConfigError, wrongVariables } from './config-errors.ts'

/** HTTP status of each error a caller may see. Any other one is ours: 500, without its message. */
export const statusOfCode: { readonly [code: string]: number } = {
  'payload-invalid': 400,
  'request-invalid': 400,
  'until-invalid': 400,
  'kind-not-suspendable': 400,
  'kind-not-reconciled': 400,
  'pin-invalid': 400,
  'override-invalid': 400,
  'nothing-to-approve': 409,
  'nothing-waits': 409,
  'approval-outdated': 409,
  'approvals-off': 409,
  'plan-unknown': 404,
  'manifests-too-large': 409,
  'manifests-unreadable': 409,
  'hold-namespace-missing': 409,
  'revert-unavailable': 409,
  'forge-revert': 409,
  unauthorized: 401,
  'login-renewal': 401,
  forbidden: 403,
  'kube-forbidden': 403,
  'not-found': 404,
  'cluster-unknown': 404,
  'method-not-allowed': 405,
  'body-too-slow': 408,
  suspended: 409,
  'body-too-large': 413,
  'cluster-unreachable': 502,
  'too-many-attempts': 429,
  busy: 503,
  'body-budget-spent': 503,
  'login-unavailable': 503,
  'queue-unavailable': 503,
  'issuer-unreachable': 503,
  'issuer-keys-contended': 503,
  'state-unavailable': 503,
  'wait-timeout': 504,
}

/** An answer in JSON. Answers are about the moment: nothing may be kept by a cache in between. */
export function jsonResponse(
  status: number,
  body: unknown,
  headers: { readonly [name: string]: string } = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })
}

/** The answer `{error: {code, message}}`, with `more` beside it. */
export function errorResponse(code: string, message: string, more: { readonly [key: string]: Json } = {}): Response {
  const status = statusOfCode[code] ?? 500
  const headers: { [name: string]: string } = {}
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  if (status === 503) headers['retry-after'] = '5'
  // What is left of a body that was refused must not be taken for the next request.
  if (status === 408 || status === 413) headers['connection'] = 'close'
  return jsonResponse(status, { error: { code, message }, ...more }, headers)
}

/** Turns anything that a handler threw into an answer. Only errors meant for the caller show their message. */
export function toErrorResponse(caught: unknown, logger: Logger): Response {
  if (isEngineError(caught) && Object.hasOwn(statusOfCode, caught.code)) {
    return errorResponse(caught.code, caught.message)
  }
  if (isConfigError(caught)) {
    for (const { field, message } of caught.diagnostics) logger.log('error', 'configuration', { field, error: message })
    const variables = wrongVariables(caught)
    const text = `the configuration of the deployment is wrong: ${variables.join(', ')}; its log says how`
    return errorResponse('config-invalid', text, { variables: [...variables] })
  }
  const detail = caught instanceof Error ? caught.message : String(caught)
  logger.log('error', 'request failed', { code: isEngineError(caught) ? caught.code : 'unexpected', error: detail })
  return errorResponse('internal', 'something went wrong here; the log says what')
}
