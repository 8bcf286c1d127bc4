import type { KubeIdentity } from '../ports/index.ts'
import { checkDelegated, deploymentGroup, systemPrefix } from './subjects.ts'
import type { TokenCache } from './token-cache.ts'

/** What a request proves who it is with. */
export interface ClusterLogin {
  /** A secret: never log it. */
  readonly token: string
  /** Whom the API server is asked to take it as. Undefined: the token is already that identity's. */
  readonly impersonate?: KubeIdentity
  /** Says, when the API server did not accept the token, whether asking for another login is worth it. */
  readonly isStale?: () => Promise<boolean>
}

/** Logs in to one cluster: as the deployment itself, or as the given identity, never as the former in place of the latter. */
export type ClusterLogins = (as: KubeIdentity | undefined) => Promise<ClusterLogin>

/**
 * Tokens of our own for one cluster. An identity of ours gets a token of its own; one of Kubernetes' (`system:serviceaccount:…`) is impersonated with the deployment's token, which needs the right to.
 *
 * @throws (the logins) EngineError `identity-not-allowed`; what the issuer throws.
 */
export function createOidcLogins(options: {
  readonly tokens: TokenCache
  readonly cluster: string
  readonly audience: string
  /** Whom the deployment itself is in the cluster. */
  readonly subject: string
}): ClusterLogins {
  const { tokens, cluster, audience, subject } = options
  return async (as) => {
    const isOwn = as === undefined || as.user.startsWith(systemPrefix)
    if (!isOwn) checkDelegated(as, subject, cluster)
    const who = isOwn ? { subject, groups: [deploymentGroup] } : { subject: as.user, groups: as.groups ?? [] }
    const issued = await tokens.of({ ...who, cluster, audience })
    return {
      token: issued.token,
      isStale: () => tokens.isStale(issued),
      ...(as !== undefined && isOwn ? { impersonate: as } : {}),
    }
  }
}
