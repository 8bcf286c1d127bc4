import { EngineError, type Disposition, type Json } from '../base/index.ts'
import { formatKey, isSecretKind, type ObjectKey } from './object-key.ts'

/** One field that the API server complains about. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

/** The parts of a `meta/v1` Status that matter to us. */
export interface KubeStatus {
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: { readonly causes?: readonly StatusCause[]; readonly retryAfterSeconds?: number }
}

/** What was asked of the API server when it answered with an error. */
export interface RequestContext {
  readonly verb: string
  readonly key: ObjectKey | undefined
  readonly retryAfterMs?: number | undefined
}

const codes: { readonly [status: number]: readonly [code: string, disposition: Disposition] } = {
  400: ['kube-bad-request', 'stall'],
  401: ['kube-unauthorized', 'wait'],
  403: ['kube-forbidden', 'wait'],
  404: ['kube-not-found', 'wait'],
  405: ['kube-method-not-allowed', 'stall'],
  409: ['kube-conflict', 'retry'],
  410: ['kube-gone', 'retry'],
  413: ['kube-too-large', 'stall'],
  415: ['kube-unsupported-media-type', 'stall'],
  422: ['kube-invalid', 'stall'],
  429: ['kube-too-many-requests', 'retry'],
  503: ['kube-unavailable', 'retry'],
  504: ['kube-timeout', 'retry'],
}

/**
 * The error for an answer that is no success. `data` has `status`, `reason`, `object` and, for invalid objects, `causes`
 * (field and message of each). For a core Secret nothing that the server wrote is repeated: it may quote values.
 */
export function statusError(httpStatus: number, status: KubeStatus, context: RequestContext): EngineError {
  const { code, disposition } = classify(httpStatus, status)
  const key = context.key
  const isSecret = key !== undefined && isSecretKind(key)
  const reason = status.reason ?? ''
  const causes = (status.details?.causes ?? []).slice(0, 50)
  const data: { [key: string]: Json } = { status: httpStatus, reason, verb: context.verb }
  if (key !== undefined) data['object'] = formatKey(key)
  if (causes.length > 0) {
    data['causes'] = causes.map((cause) => ({
      field: cause.field ?? '',
      reason: cause.reason ?? '',
      message: isSecret ? '' : (cause.message ?? ''),
    }))
  }
  const message = isSecret
    ? secretMessage(httpStatus, status)
    : (status.message ?? `the API server answered ${httpStatus}`)
  const retryAfterMs = context.retryAfterMs
  return new EngineError(message, { code, disposition, data, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

function classify(httpStatus: number, status: KubeStatus): { code: string; disposition: Disposition } {
  if (httpStatus === 409 && status.reason === 'AlreadyExists')
    return { code: 'kube-already-exists', disposition: 'retry' }
  const causes = status.details?.causes ?? []
  if (causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return { code: 'kube-namespace-terminating', disposition: 'retry' }
  }
  if (httpStatus === 500 && isRefusedPatch(status)) return { code: 'kube-invalid', disposition: 'stall' }
  const known = codes[httpStatus]
  if (known) return { code: known[0], disposition: known[1] }
  if (httpStatus >= 500) return { code: 'kube-server-error', disposition: 'retry' }
  return { code: 'kube-unexpected-status', disposition: 'stall' }
}

/** Server-side apply answers 500 without a reason to objects that do not fit their schema (Kubernetes 1.37). */
function isRefusedPatch(status: KubeStatus): boolean {
  if ((status.reason ?? '') !== '') return false
  return /^failed to (create typed|convert)|field not declared in schema|duplicate entries for key/.test(
    status.message ?? '',
  )
}

/** What may be said about a refused Secret: the reason, the fields concerned, and a hint for the common mistake. */
function secretMessage(httpStatus: number, status: KubeStatus): string {
  const denied = deniedText(status.message ?? '')
  if (denied !== undefined) return `the API server refused the Secret (${status.reason ?? httpStatus}): ${denied}`
  const fields = [
    ...new Set((status.details?.causes ?? []).map((cause) => cause.field ?? '').filter((field) => field !== '')),
  ]
  const hint = /illegal base64/.test(status.message ?? '')
    ? '; a value under data is not base64: use stringData for plain text'
    : status.reason === 'NotFound'
      ? '; the Secret or its namespace does not exist'
      : unknownFieldHint(status.message ?? '')
  const where = fields.length === 0 ? '' : `: ${fields.join(', ')}`
  return `the API server refused the Secret (${status.reason ?? httpStatus})${where}${hint}; its message is withheld because it may quote values`
}

/** Who may not do what, where the authorizer said so: it answers before anybody has read the object (Kubernetes 1.37, authorization filter). */
function deniedText(message: string): string | undefined {
  const pattern =
    /^secrets(?: "[^"]*")? is forbidden: (User "[^"]{1,300}" cannot [a-z]{1,20} resource "secrets" in API group "" (?:in the namespace "[a-z0-9-]{1,63}"|at the cluster scope))/
  return pattern.exec(message)?.[1]
}

/** Paths are made of field names, which are no secrets; anything else in the message may be. */
function unknownFieldHint(message: string): string {
  const path = /(\.[A-Za-z0-9_.-]+): field not declared in schema/.exec(message)?.[1]
  return path === undefined ? '' : `; it has no field ${path}`
}

/** True for an answer "there is no such object (or kind)". */
export function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && (error.code === 'kube-not-found' || error.code === 'kube-kind-unknown')
}

/** True for an answer "somebody else changed it", including "it exists already". */
export function isConflict(error: unknown): boolean {
  return error instanceof EngineError && (error.code === 'kube-conflict' || error.code === 'kube-already-exists')
}

/** The error for a kind that the cluster does not serve. */
export function unknownKind(key: { readonly apiVersion: string; readonly kind: string }): EngineError {
  return new EngineError(
    `no matches for kind "${key.kind}" in version "${key.apiVersion}": the cluster does not serve it; install its CustomResourceDefinition first, or correct apiVersion and kind`,
    { code: 'kube-kind-unknown', disposition: 'wait', data: { apiVersion: key.apiVersion, kind: key.kind } },
  )
}
