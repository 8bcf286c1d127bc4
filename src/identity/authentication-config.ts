import { EngineError } from '../base/index.ts'
import { subjectPrefix, systemPrefix } from './subjects.ts'

/** What an API server is to be told of the deployment. */
export interface TrustOptions {
  readonly issuer: string
  readonly audience: string
  /** Name of the cluster in the deployment's configuration. */
  readonly cluster: string
  /** PEM certificates that sign the deployment's own. Left out: the system's of the API server. */
  readonly ca?: string
  /** Version of the format: v1 from Kubernetes 1.34 on, v1beta1 from 1.30 on. */
  readonly version?: 'v1' | 'v1beta1'
}

/** The audience of a cluster whose configuration names none. */
export function defaultAudience(cluster: string): string {
  return `sluice:${cluster}`
}

/**
 * The AuthenticationConfiguration with which an API server trusts the deployment's tokens (Kubernetes, "Structured authentication configuration"): those for this cluster, with users and groups as the
 * token names them, none of which may be one of Kubernetes' own.
 *
 * @throws EngineError `usage` where a value cannot be used.
 */
export function authenticationConfiguration(options: TrustOptions): { readonly [field: string]: unknown } {
  const { issuer, audience, cluster, ca, version = 'v1' } = options
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '')
    throw new EngineError(`an API server takes an issuer with https alone, not ${JSON.stringify(issuer)}`, {
      code: 'usage',
    })
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new EngineError('the certificate authority is no certificate in PEM', { code: 'usage' })
  const begins = (what: string): string => `${what}.startsWith('${subjectPrefix}')`
  return {
    apiVersion: `apiserver.config.k8s.io/${version}`,
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: issuer, audiences: [audience], ...(ca === undefined ? {} : { certificateAuthority: ca }) },
        claimValidationRules: [
          { claim: 'cluster', requiredValue: cluster },
          {
            expression: 'claims.exp - claims.nbf <= 3600',
            message: 'a token of the deployment is good for an hour at most',
          },
        ],
        claimMappings: {
          username: { claim: 'sub', prefix: '' },
          groups: { claim: 'groups', prefix: '' },
        },
        userValidationRules: [
          { expression: begins('user.username'), message: `users begin with '${subjectPrefix}'` },
          {
            expression: `user.groups.all(group, ${begins('group')})`,
            message: `groups begin with '${subjectPrefix}'`,
          },
          {
            expression: `!user.username.startsWith('${systemPrefix}') && !user.groups.exists(group, group.startsWith('${systemPrefix}'))`,
            message: "users and groups of Kubernetes itself are nobody's to hand out",
          },
        ],
      },
    ],
  }
}
