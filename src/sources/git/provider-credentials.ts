import { basicAuthorization } from '../request.ts'
import type { GitCredentialOptions, GitCredentials } from './credentials.ts'
import { gitCredentials } from './credentials.ts'
import { gitUnsupported } from './errors.ts'
import { gitHubAppToken, gitHubTokenUser } from './github-app.ts'
import type { GitDeps } from './remote.ts'

/** Who asks a cloud for a token. */
export interface GitLoginRequest {
  readonly url: string
  readonly namespace: string
  /** `spec.serviceAccountName`: the token is for this account, else for the deployment itself. */
  readonly serviceAccountName?: string
  readonly signal?: AbortSignal
}

/** Gets tokens of a cloud for its Git service: Azure DevOps a bearer token, AWS CodeCommit a user name and password. Throws EngineError with reason `AuthenticationFailed`. */
export type GitLogin = (
  request: GitLoginRequest,
) => Promise<{ readonly bearerToken: string } | { readonly username: string; readonly password: string }>

/**
 * The credentials of a GitRepository, the tokens of its provider included: `generic` from the Secret alone, `github` by the App in the Secret, `azure` and `aws` by the login that the deployment has for
 * them. Throws as {@link gitCredentials}; EngineError `git-unsupported` where the deployment has no login for the cloud.
 */
export async function providerCredentials(
  deps: GitDeps,
  options: GitCredentialOptions & Omit<GitLoginRequest, 'url'>,
): Promise<GitCredentials> {
  const credentials = gitCredentials(options)
  const { provider = 'generic', secret = {}, signal } = options
  if (provider === 'generic') return credentials
  if (provider === 'github') {
    const token = await gitHubAppToken(deps, { secret, credentials, ...(signal === undefined ? {} : { signal }) })
    return { ...credentials, authorization: basicAuthorization(gitHubTokenUser, token) }
  }
  const login = Object.hasOwn(deps.logins ?? {}, provider) ? deps.logins?.[provider] : undefined
  if (login === undefined) {
    throw gitUnsupported(
      `the provider ${JSON.stringify(provider.slice(0, 80))} in this deployment, which has no login for that cloud,`,
      'use provider generic with a token in the Secret',
    )
  }
  const { url, namespace, serviceAccountName } = options
  const given = await login({
    url,
    namespace,
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    ...(signal === undefined ? {} : { signal }),
  })
  const authorization =
    'bearerToken' in given ? `Bearer ${given.bearerToken}` : basicAuthorization(given.username, given.password)
  return { ...credentials, authorization }
}
