import { fromBase64 } from '../base/index.ts'
import { signAwsRequest } from './aws-sign.ts'
import type { CloudLogins, CloudRequest } from './logins.ts'
import { answerField, cloudError, parseObject, postToService, type CloudDeps } from './request.ts'
import { jwtExpiry } from './jwt.ts'

export type CloudProvider = 'aws' | 'azure' | 'gcp'

/** A login at a registry, and when it ends in milliseconds since 1970. */
export interface CloudRegistryLogin {
  readonly username: string
  readonly password: string
  readonly expiresAt: number
}

/** The application that stands for ACR, in all of Azure's clouds (azcontainerregistry, cloud configuration). */
const acrScope = 'https://containerregistry.azure.net/.default'
const publicEcr = 'public.ecr.aws'
const privateEcr =
  /^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|amazonaws\.eu|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|on\.aws)$/
const googleRegistry = /^(?:(?:[\w-]+\.)?gcr\.io|[\w-]+-docker\.pkg\.dev|docker\.s3nsregistry\.fr)$/
const azureRegistry = /^[\w-]+(?:\.[\w-]+)*\.azurecr\.(?:io|cn|de|us)$/

/**
 * The login for a registry of a cloud: ECR (private and public) `GetAuthorizationToken`, Google's registries an access token, ACR a refresh token for a token of Entra ID (fluxcd/pkg auth,
 * NewArtifactRegistryCredentials). The host must be one of that cloud's registries: nobody else is given such a token.
 *
 * @throws EngineError as {@link CloudLogins}.
 */
export async function cloudRegistryLogin(
  logins: CloudLogins,
  provider: CloudProvider,
  registry: string,
  request: CloudRequest,
): Promise<CloudRegistryLogin> {
  const deps = logins.deps(request)
  switch (provider) {
    case 'aws':
      return ecrLogin(logins, deps, registry, request)
    case 'gcp': {
      if (!googleRegistry.test(registry))
        throw wrongHost(deps, registry, 'Google', 'gcr.io or <location>-docker.pkg.dev')
      const { token, expiresAt } = await logins.gcp(request)
      return { username: 'oauth2accesstoken', password: token, expiresAt }
    }
    case 'azure':
      return acrLogin(logins, deps, registry, request)
  }
}

async function ecrLogin(
  logins: CloudLogins,
  deps: CloudDeps,
  registry: string,
  request: CloudRequest,
): Promise<CloudRegistryLogin> {
  const isPublic = registry === publicEcr
  const match = privateEcr.exec(registry)
  if (!isPublic && match === null)
    throw wrongHost(deps, registry, 'AWS', '<account>.dkr.ecr.<region>.amazonaws.com or public.ecr.aws')
  // The API of public registries is in one region.
  const region = isPublic ? 'us-east-1' : (match?.[1] ?? '')
  const domain = match?.[2] === undefined || match[2] === 'on.aws' ? 'amazonaws.com' : match[2]
  const credentials = await logins.aws({ ...request, region })
  const service = isPublic ? 'ecr-public' : 'ecr'
  const url = `https://api.${service}.${region}.${domain}/`
  const target = isPublic ? 'SpencerFrontendService' : 'AmazonEC2ContainerRegistry_V20150921'
  const headers = await signAwsRequest(credentials, {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${target}.GetAuthorizationToken`,
    },
    body: '{}',
    service,
    region,
    now: deps.now(),
  })
  const text = await postToService(deps, { service: 'AWS ECR', url, headers, body: '{}' })
  const data = parseObject(text)?.['authorizationData']
  const entry = (Array.isArray(data) ? (data as readonly unknown[])[0] : data) as
    { readonly authorizationToken?: unknown; readonly expiresAt?: unknown } | undefined
  const token = fromBase64(typeof entry?.authorizationToken === 'string' ? entry.authorizationToken : '')
  const [username, ...password] = new TextDecoder().decode(token ?? new Uint8Array()).split(':')
  if (username === undefined || username === '' || password.length === 0)
    throw cloudError(deps, 'AWS ECR answered without a login')
  const seconds = entry?.expiresAt
  return {
    username,
    password: password.join(':'),
    expiresAt: typeof seconds === 'number' ? seconds * 1000 : deps.now() + 3_600_000,
  }
}

async function acrLogin(
  logins: CloudLogins,
  deps: CloudDeps,
  registry: string,
  request: CloudRequest,
): Promise<CloudRegistryLogin> {
  if (!azureRegistry.test(registry)) throw wrongHost(deps, registry, 'Azure', '<name>.azurecr.io')
  const { token } = await logins.azure(request, acrScope)
  const body = new URLSearchParams({ grant_type: 'access_token', service: registry, access_token: token }).toString()
  const text = await postToService(deps, {
    service: 'Azure Container Registry',
    url: `https://${registry}/oauth2/exchange`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
  const password = answerField(deps, text, 'Azure Container Registry', 'refresh_token')
  return {
    username: '00000000-0000-0000-0000-000000000000',
    password,
    expiresAt: jwtExpiry(password) ?? deps.now() + 3_600_000,
  }
}

function wrongHost(deps: CloudDeps, registry: string, cloud: string, form: string): Error {
  return cloudError(
    deps,
    `'${registry.slice(0, 200)}' is no registry of ${cloud} (${form}), and its tokens are sent to no other; correct spec.url, or use the provider generic`,
  )
}
