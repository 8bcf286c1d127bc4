import { certificateTimes, tokenTimes, type CredentialTimes } from '../src/identity/index.ts'
import type { ClusterConfig } from './config.ts'
import type { FunctionDeps } from './deps.ts'
import { audienceOf, subjectOf } from './issuer-config.ts'

/** What the deployment logs in to a cluster with, and how old that is: for those who read. Nothing secret. */
export interface ShownCredential extends CredentialTimes {
  readonly kind: 'oidc' | 'aws' | 'gcp' | 'azure' | 'token' | 'certificate' | 'kubeconfig' | 'binding' | 'none'
  /** Of `oidc`: what the API server has to trust. */
  readonly issuer?: string
  readonly audience?: string
  readonly subject?: string
}

/** The credential of a cluster of the configuration. */
export async function credentialOf(
  deps: Pick<FunctionDeps, 'config' | 'read' | 'kubeconfigTimes'>,
  cluster: ClusterConfig,
): Promise<ShownCredential> {
  const { identity, tokenSecret, clientCertSecret, kubeconfig } = cluster
  if (identity?.kind === 'oidc') {
    const { url = '', tokenMs = 0 } = deps.config.issuer ?? {}
    return {
      kind: 'oidc',
      issuer: url,
      audience: audienceOf(cluster.name, identity),
      subject: subjectOf(identity),
      note: `made when it is needed, good for ${tokenMs / 1000} s`,
    }
  }
  if (identity !== undefined) return { kind: identity.kind, note: 'given by the cloud when it is needed' }
  if (kubeconfig !== undefined)
    return {
      kind: 'kubeconfig',
      ...((await deps.kubeconfigTimes?.(kubeconfig)) ?? { note: 'its age is not known here' }),
    }
  const { read } = deps
  if (tokenSecret !== undefined) return { kind: 'token', ...tokenTimes(read(tokenSecret) ?? '') }
  if (clientCertSecret !== undefined) return { kind: 'certificate', ...certificateTimes(read(clientCertSecret) ?? '') }
  return cluster.binding === undefined
    ? { kind: 'none' }
    : { kind: 'binding', note: 'what the binding logs in with is not known here' }
}
