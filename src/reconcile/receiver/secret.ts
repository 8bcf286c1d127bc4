import { EngineError, fromBase64 } from '../../base/index.ts'
import type { Receiver } from '../../api/index.ts'
import type { KubeClient } from '../../kube/index.ts'

/** Entries of a Receiver's Secret, and the version that it has. */
export interface ReceiverSecret {
  readonly data: { readonly [key: string]: Uint8Array }
  readonly version: string
}

/**
 * Reads the Secret of a Receiver. A `generic-oidc` Receiver has none: its token is empty (notification-controller 1.9).
 *
 * @throws EngineError `receiver-token-missing` with reason `TokenNotFound`; messages are Flux's. An empty token is refused too: anybody could compute the path.
 */
export async function readReceiverSecret(
  client: KubeClient,
  object: Receiver,
  signal: AbortSignal,
): Promise<ReceiverSecret> {
  const { secretRef } = object.spec
  if (secretRef === undefined) return { data: {}, version: '' }
  const namespace = object.metadata.namespace ?? ''
  const place = `${namespace}/${secretRef.name}`
  const secret = await client.get<{
    readonly data?: { readonly [key: string]: string }
    readonly metadata: { readonly resourceVersion?: string }
  }>({ apiVersion: 'v1', kind: 'Secret', namespace, name: secretRef.name }, { signal })
  if (secret === undefined)
    throw missing(`unable to read token from secret '${place}' error: Secret "${secretRef.name}" not found`)
  const data: { [key: string]: Uint8Array } = {}
  for (const [key, value] of Object.entries(secret.data ?? {})) data[key] = fromBase64(value) ?? new Uint8Array()
  const { token } = data
  if (token === undefined) throw missing(`invalid '${place}' secret data: required fields 'token'`)
  if (token.length === 0) throw missing(`invalid '${place}' secret data: 'token' is empty; write a long random text`)
  return { data, version: secret.metadata.resourceVersion ?? '' }
}

function missing(message: string): EngineError {
  return new EngineError(message, { code: 'receiver-token-missing', reason: 'TokenNotFound', disposition: 'wait' })
}
