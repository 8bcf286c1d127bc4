import type { z } from 'zod'
import {
  loadAccessRules,
  loadNamedTokens,
  loadPublicScope,
  type NamedToken,
  type PublicScope,
} from './access/config.ts'
import type { AccessRule } from './access/rules.ts'
import type { ReadSetting } from './config.ts'
import { loadForgeLogins, type ForgeLogin } from './login/config.ts'
import { loadOidcConfig, type OidcConfig } from './oidc/config.ts'

/** Who may read, and where what is known is sent besides. */
export interface ReadingConfig {
  /** Bearer tokens of those who may read and do nothing else. A trigger token also reads. */
  readonly tokens: readonly string[]
  /** Bearer tokens for `/metrics` alone. */
  readonly metricsTokens: readonly string[]
  /** Everybody who reaches the deployment may see some of it. */
  readonly isPublic: boolean
  /** Of which clusters and namespaces; all of them where it is left out. */
  readonly publicScope?: PublicScope
  /** Bearer tokens with names and roles. */
  readonly namedTokens?: readonly NamedToken[]
  /** Logins at forges. */
  readonly logins?: readonly ForgeLogin[]
  /** Who is what, of those who sign in. */
  readonly rules?: readonly AccessRule[]
  /** Sign the cookies of those who have signed in: the first makes them, all are believed. Empty: a key is derived from the tokens. */
  readonly sessionKeys: readonly string[]
  /** The login of those who read, besides tokens. */
  readonly oidc?: OidcConfig
  /** Where finished runs are sent as traces (OTLP over HTTP, JSON). */
  readonly tracing?: {
    readonly url: string
    readonly headers: { readonly [name: string]: string }
    readonly service: string
  }
}

/** How `loadConfig` reads single variables, noting what is wrong. */
export interface ConfigReader {
  readonly read: ReadSetting
  readonly parse: <T>(name: string, schema: z.ZodType<T>, fallback: T) => T
  readonly secrets: (name: string) => readonly string[]
  readonly complain: (field: string, message: string) => void
}

/** Shorter keys can be guessed from one cookie. */
const minKeyLength = 32

/** Reads `READ_TOKEN`, `METRICS_TOKEN`, `TOKENS`, `PUBLIC_READ`, `SESSION_KEY`, `OIDC`, `LOGIN`, `ACCESS` and `OTEL_EXPORTER_OTLP_…`. */
export function loadReadingConfig(reader: ConfigReader): ReadingConfig {
  const { read, secrets, complain } = reader
  const sessionKeys = secrets('SESSION_KEY')
  if (sessionKeys.some((key) => key.length < minKeyLength))
    complain('SESSION_KEY', `needs at least ${minKeyLength} characters (openssl rand -base64 32)`)
  const publicScope = loadPublicScope(reader)
  const { oidc } = loadOidcConfig(reader, sessionKeys)
  const logins = loadForgeLogins(reader, sessionKeys)
  return {
    tokens: secrets('READ_TOKEN'),
    metricsTokens: secrets('METRICS_TOKEN'),
    namedTokens: loadNamedTokens(reader),
    isPublic: publicScope !== undefined,
    ...(publicScope === undefined ? {} : { publicScope }),
    sessionKeys,
    logins,
    rules: loadAccessRules(reader, logins, oidc),
    ...(oidc === undefined ? {} : { oidc }),
    ...loadTracing(read, complain),
  }
}

/**
 * Reads `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (the whole URL) or `OTEL_EXPORTER_OTLP_ENDPOINT` (to which `/v1/traces` is added), `OTEL_EXPORTER_OTLP_HEADERS` (a secret:
 * `name=value,name=value`, values percent-encoded) and `OTEL_SERVICE_NAME`, as OpenTelemetry's specification of exporters has them.
 */
function loadTracing(read: ReadSetting, complain: ConfigReader['complain']): Pick<ReadingConfig, 'tracing'> {
  const traces = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? ''
  const base = read('OTEL_EXPORTER_OTLP_ENDPOINT') ?? ''
  if (traces === '' && base === '') return {}
  const url = traces === '' ? `${base.replace(/\/+$/, '')}/v1/traces` : traces
  const name = traces === '' ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) complain(name, 'must be a URL with http or https')
  const headers: { [name: string]: string } = {}
  for (const part of (read('OTEL_EXPORTER_OTLP_HEADERS') ?? '').split(',').filter((text) => text.trim() !== '')) {
    const [, key = '', value = ''] = /^\s*([\w-]+)\s*=\s*(\S+)\s*$/.exec(part) ?? []
    if (key === '') complain('OTEL_EXPORTER_OTLP_HEADERS', 'must be name=value, separated by commas')
    else headers[key.toLowerCase()] = decodeHeader(value)
  }
  return { tracing: { url, headers, service: read('OTEL_SERVICE_NAME') ?? 'sluice' } }
}

function decodeHeader(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value // A value with a percent sign that encodes nothing is meant as it is.
  }
}
