import type { Alert, Provider } from '../../api/index.ts'
import { EngineError, parseDuration } from '../../base/index.ts'
import { configError, isCommitStatusType, secretsOf, type SendContext, type Target } from '../../notify/index.ts'
import { gitHubAppToken, proxyOfSecret, secretText, tlsOfSecret } from '../../sources/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import { readServiceAccount } from '../service-account.ts'
import { readSecret } from '../source/secret.ts'
import { mayUsePlatformCredentials } from '../tenancy.ts'
import type { NotifyContext } from './run-events.ts'

/** Where a Provider sends, with all that its Secrets hold. Never log it. */
export interface ResolvedProvider {
  /** Without the Alert and the id of a commit status, which differ from one notification to the next. */
  readonly target: Omit<Target, 'alert' | 'commitStatus'>
  readonly send: Pick<SendContext, 'secrets' | 'tls' | 'proxy' | 'appToken' | 'cloud' | 'serviceAccount'>
  /** What the Secret holds and no message needs: an address in `spec` is no secret. Short values are part of too much else. */
  readonly inMessages: readonly string[]
  readonly timeoutMs: number
}

type SecretData = NonNullable<Awaited<ReturnType<typeof readSecret>>>

const defaultTimeoutMs = 15_000
const maxAddress = 2048
const minInMessages = 8

/**
 * Reads the Secrets of a Provider (notification-controller 1.9): `address` wins over `spec.address`, `username` over `spec.username`; `token`, `password`, `headers` (YAML), the keys of a GitHub App, `proxy`; certificates
 * from `certSecretRef`, or for forges from the Secret itself.
 *
 * @throws EngineError `secret-missing`, `notify-config`; no message shows a value.
 */
export async function resolveProvider(ctx: NotifyContext, provider: Provider): Promise<ResolvedProvider> {
  const { spec } = provider
  const { name, namespace = '', uid = '' } = provider.metadata
  const [secret, proxySecret, certSecret] = await Promise.all([
    readSecret(ctx, namespace, spec.secretRef, 'secretRef'),
    readSecret(ctx, namespace, spec.proxySecretRef, 'proxySecretRef'),
    readSecret(ctx, namespace, spec.certSecretRef, 'certSecretRef'),
  ])
  const text = (key: string): string => secretText(secret, key).trim()
  const address = text('address') || (spec.address ?? '')
  if (address.length > maxAddress) throw configError(`address is longer than ${maxAddress} characters`)
  const hasAppKeys = secretText(secret, 'githubAppPrivateKey') !== ''
  const target: ResolvedProvider['target'] = {
    type: spec.type,
    name,
    namespace,
    uid,
    address,
    channel: spec.channel ?? '',
    username: text('username') || (spec.username ?? ''),
    password: text('password'),
    token: text('token'),
    headers: headersOf(secret),
    hasAppKeys,
  }
  const certificates =
    certSecret ?? (isCommitStatusType(spec.type) && secretText(secret, 'ca.crt') !== '' ? secret : undefined)
  const tls = tlsOfSecret(certificates)
  const proxy = proxyOf(provider, secret, proxySecret)
  const values = [proxy?.password, secretText(secret, 'githubAppPrivateKey'), tls?.key, text('proxy')]
  const secrets = secretsOf(
    { ...target, alert: noAlert, commitStatus: '' },
    values.filter((value) => value !== undefined),
  )
  const isShown = text('address') === ''
  const mayLogIn = spec.serviceAccountName !== undefined || mayUsePlatformCredentials(ctx, provider)
  const messageSecrets = isShown ? secretsOf({ ...target, address: '', alert: noAlert, commitStatus: '' }) : secrets
  return {
    target,
    inMessages: messageSecrets.filter((value) => value.length >= minInMessages),
    timeoutMs: timeoutOf(provider),
    send: {
      secrets,
      tls,
      proxy,
      cloud: mayLogIn ? ctx.deps.cloud : undefined,
      ...(hasAppKeys && secret !== undefined ? { appToken: () => appToken(ctx, secret, { tls, proxy }) } : {}),
      serviceAccount: async () =>
        spec.serviceAccountName === undefined
          ? undefined
          : readServiceAccount(ctx, { namespace, name: spec.serviceAccountName }, { reason: 'AuthenticationFailed' }),
    },
  }
}

const noAlert = Object.freeze({ name: '', namespace: '', uid: '' })

/** The target of one notification. */
export function targetOf(resolved: ResolvedProvider, alert: Alert, commitStatus: string): Target {
  const { name, namespace = '', uid = '' } = alert.metadata
  return { ...resolved.target, alert: { name, namespace, uid }, commitStatus }
}

function timeoutOf(provider: Provider): number {
  const { timeout } = provider.spec
  if (timeout === undefined) return defaultTimeoutMs
  try {
    return parseDuration(timeout)
  } catch {
    return defaultTimeoutMs
  }
}

/** `headers` of the Secret: a mapping of texts. The parser's own words would quote it. */
function headersOf(secret: SecretData | undefined): { readonly [name: string]: string } {
  const text = secretText(secret, 'headers')
  if (text === '') return {}
  let value: unknown
  try {
    value = parseYaml(text, { dialect: 'sigs' })
  } catch {
    throw configError('headers of the Secret is no YAML')
  }
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined
  if (entries === undefined || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw configError('headers of the Secret is no mapping of names to texts')
  const isField = ([name, text]: [string, string]): boolean =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\uffff]*$/.test(text)
  if (!entries.every(isField)) throw configError('headers of the Secret holds what is no header of HTTP')
  return Object.fromEntries(entries)
}

/** `proxySecretRef`, else `proxy` of the Secret, else `spec.proxy`; the last two are deprecated. */
function proxyOf(
  provider: Provider,
  secret: SecretData | undefined,
  proxySecret: SecretData | undefined,
): NonNullable<SendContext['proxy']> | undefined {
  if (proxySecret !== undefined) return proxyOfSecret(proxySecret)
  const url = secretText(secret, 'proxy').trim() || (provider.spec.proxy ?? '')
  if (url === '') return undefined
  if (!URL.canParse(url)) throw configError('the proxy of the Provider is no URL')
  const parsed = new URL(url)
  const { username, password } = parsed
  parsed.username = ''
  parsed.password = ''
  if (username === '') return { url: parsed.href }
  return { url: parsed.href, username: decodeURIComponent(username), password: decodeURIComponent(password) }
}

async function appToken(
  ctx: NotifyContext,
  secret: SecretData,
  credentials: { readonly tls: SendContext['tls']; readonly proxy: SendContext['proxy'] },
): Promise<string> {
  const { http, clock, caches, limits, settings } = ctx.deps
  const { tls, proxy } = credentials
  try {
    return await gitHubAppToken(
      { http, clock, cache: caches.git, limits: limits.git, egress: settings.egress },
      {
        secret,
        credentials: { ...(tls === undefined ? {} : { tls }), ...(proxy === undefined ? {} : { proxy }) },
        signal: ctx.signal,
      },
    )
  } catch (error) {
    const message = error instanceof EngineError ? error.message : 'unexpected'
    throw configError(`the GitHub App of the Secret gives no token: ${message}`)
  }
}
