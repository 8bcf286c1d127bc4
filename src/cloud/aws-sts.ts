import { signAwsRequest, type AwsCredentials } from './aws-sign.ts'
import { cloudError, postToService, type CloudDeps } from './request.ts'

/** Credentials that end. */
export interface TemporaryAwsCredentials extends AwsCredentials {
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Where and as whom to take on a role. */
export interface AssumeRoleOptions {
  readonly role: string
  readonly region: string
  /** Shows up in the account's audit log. */
  readonly session: string
  /** Another address of STS (`https://sts.eu-west-1.amazonaws.com`, a VPC endpoint). Default: the region's. */
  readonly endpoint?: string | undefined
  /** What proves who asks: credentials of AWS, or a token of a cluster's service account. */
  readonly proof:
    | { readonly kind: 'credentials'; readonly credentials: AwsCredentials }
    | { readonly kind: 'token'; readonly token: string }
}

const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
const version = '2011-06-15'

/**
 * Takes on a role at AWS STS: `AssumeRole`, signed, or `AssumeRoleWithWebIdentity`.
 *
 * @throws EngineError as postToService.
 */
export async function assumeAwsRole(deps: CloudDeps, options: AssumeRoleOptions): Promise<TemporaryAwsCredentials> {
  const { role, region, session, proof } = options
  if (!/^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/.test(region)) throw cloudError(deps, 'the AWS region has no valid form')
  const url = options.endpoint ?? `https://sts.${region}.${awsDomain(role, region)}/`
  const body = new URLSearchParams({
    Action: proof.kind === 'token' ? 'AssumeRoleWithWebIdentity' : 'AssumeRole',
    Version: version,
    RoleArn: role,
    RoleSessionName: session.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64),
    ...(proof.kind === 'token' ? { WebIdentityToken: proof.token } : {}),
  }).toString()
  const headers =
    proof.kind === 'token'
      ? form
      : await signAwsRequest(proof.credentials, {
          method: 'POST',
          url,
          headers: form,
          body,
          service: 'sts',
          region,
          now: deps.now(),
        })
  return temporaryCredentials(deps, await postToService(deps, { service: 'AWS STS', url, headers, body }))
}

/**
 * Credentials of an S3 server that knows users of an LDAP directory (MinIO's `AssumeRoleWithLDAPIdentity`).
 *
 * @throws EngineError as postToService.
 */
export async function fetchLdapCredentials(
  deps: CloudDeps,
  options: { readonly endpoint: string; readonly username: string; readonly password: string },
): Promise<TemporaryAwsCredentials> {
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithLDAPIdentity',
    Version: version,
    LDAPUsername: options.username,
    LDAPPassword: options.password,
  }).toString()
  const request = { service: 'the LDAP STS', url: options.endpoint, headers: form, body }
  return temporaryCredentials(deps, await postToService(deps, request))
}

/** True for an address that belongs to AWS STS (fluxcd/pkg auth/aws ValidateSTSEndpoint). */
export function checkStsEndpoint(deps: Pick<CloudDeps, 'failure'>, endpoint: string): void {
  if (!/^https:\/\/(?:[\w.-]+\.)?sts(?:-fips)?(?:\.[\w-]+)?(?:\.vpce)?\.amazonaws\.com\/?$/.test(endpoint))
    throw cloudError(deps, 'the STS endpoint is none of AWS: it must be https://sts.<region>.amazonaws.com')
}

/** The domain of a partition's services, by an ARN or a region of it. */
export function awsDomain(arn: string, region = ''): string {
  return arn.startsWith('arn:aws-cn:') || region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}

function temporaryCredentials(deps: CloudDeps, xml: string): TemporaryAwsCredentials {
  const field = (name: string): string => new RegExp(`<${name}>\\s*([^<]+?)\\s*</${name}>`).exec(xml)?.[1] ?? ''
  const accessKeyId = field('AccessKeyId')
  const secretAccessKey = field('SecretAccessKey')
  const sessionToken = field('SessionToken')
  if (accessKeyId === '' || secretAccessKey === '') throw cloudError(deps, 'AWS STS answered without credentials')
  const expiresAt = Date.parse(field('Expiration'))
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === '' ? {} : { sessionToken }),
    expiresAt: Number.isNaN(expiresAt) ? deps.now() + 900_000 : expiresAt,
  }
}
