import { EngineError, isHostAllowed } from '../../base/index.ts'
import {
  cloudRegistryLogin,
  codeCommitLogin,
  codeCommitRegion,
  type CloudLogins,
  type CloudProvider,
  type CloudRequest,
} from '../../cloud/index.ts'
import type { HttpRequest } from '../../ports/index.ts'
import type { GitLogin, OciRepositoryName, RegistryLogin } from '../../sources/index.ts'
import { readServiceAccount } from '../service-account.ts'
import type { SourceContext } from './index.ts'

const reason = 'AuthenticationFailed'

/** The application that stands for Azure DevOps (fluxcd/pkg auth/azure, ScopeDevOps). */
const devOpsScope = '499b84ac-1321-427f-aa17-267ca6975798/.default'

/** Who logs in for a source. */
export interface CloudUser {
  readonly namespace: string
  /** `spec.serviceAccountName`; without it the deployment itself. */
  readonly serviceAccountName?: string | undefined
  readonly proxy?: HttpRequest['proxy'] | undefined
  readonly signal: AbortSignal
}

/** The deployment's logins at clouds. @throws EngineError `cloud-logins-missing`. */
export function cloudLogins(ctx: SourceContext): CloudLogins {
  const { cloud } = ctx.deps
  if (cloud !== undefined) return cloud
  throw new EngineError('this deployment cannot log in at a cloud; give a Secret in spec.secretRef', {
    code: 'cloud-logins-missing',
    reason,
  })
}

/** A request for a login as the user that a source names. @throws EngineError `service-account-missing`. */
export async function cloudRequest(ctx: SourceContext, user: CloudUser): Promise<CloudRequest> {
  const { namespace, serviceAccountName: name = '', proxy, signal } = user
  const serviceAccount = name === '' ? undefined : await readServiceAccount(ctx, { namespace, name }, { reason })
  return { serviceAccount, proxy, signal }
}

/** The login at a registry of a cloud. @throws EngineError reason `AuthenticationFailed`. */
export async function cloudLoginAt(
  ctx: SourceContext,
  provider: CloudProvider,
  name: OciRepositoryName,
  user: CloudUser & { readonly insecure?: boolean | undefined },
): Promise<RegistryLogin> {
  const logins = cloudLogins(ctx)
  if (user.insecure === true)
    throw new EngineError(
      `spec.insecure: logins of the provider ${provider} are not sent without TLS; remove spec.insecure`,
      { code: 'cloud-login-insecure', reason },
    )
  const request = await cloudRequest(ctx, user)
  const { username, password } = await cloudRegistryLogin(logins, provider, name.registry, request)
  return { kind: 'basic', username, password }
}

/** Logins for Git services of clouds: Azure DevOps and AWS CodeCommit (source-controller 1.9). Undefined where the deployment cannot log in at a cloud. */
export function cloudGitLogins(
  ctx: SourceContext,
  proxy: HttpRequest['proxy'] | undefined,
): { readonly [provider: string]: GitLogin } | undefined {
  const { cloud } = ctx.deps
  if (cloud === undefined) return undefined
  const ask = (request: Parameters<GitLogin>[0]): Promise<CloudRequest> =>
    cloudRequest(ctx, { ...request, proxy, signal: request.signal ?? ctx.signal })
  return {
    azure: async (request) => {
      checkDevOps(ctx, request.url)
      return { bearerToken: (await cloud.azure(await ask(request), devOpsScope)).token }
    },
    aws: async (request) => {
      const asked = await ask(request)
      const deps = cloud.deps(asked)
      const credentials = await cloud.aws({ ...asked, region: codeCommitRegion(deps, request.url) })
      return codeCommitLogin(deps, credentials, request.url)
    },
  }
}

/** Not in Flux: the token is good for every repository of the identity, so it goes to Azure DevOps alone. */
function checkDevOps(ctx: SourceContext, url: string): void {
  const { hostname, protocol } = URL.canParse(url) ? new URL(url) : { hostname: '', protocol: '' }
  const isDevOps = /^(?:dev\.azure\.com|[\w-]+\.visualstudio\.com)$/.test(hostname) && protocol === 'https:'
  if (isDevOps || isHostAllowed(hostname, ctx.deps.settings.egress)) return
  throw new EngineError(
    'spec.url is none of Azure DevOps (https://dev.azure.com/…), and its tokens are sent to no other; correct spec.url, or use the provider generic',
    { code: 'git-provider-host', reason },
  )
}
