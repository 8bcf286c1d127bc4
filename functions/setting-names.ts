import { receivers, settingOf, type Provider } from '../src/receivers/index.ts'

/** Variables that hold nothing secret. Whatever is not among them is kept and set as a secret, so that a new one is safe before it is listed. */
const plainVariables: ReadonlySet<string> = new Set([
  'CLUSTERS',
  'SETTINGS',
  'LIMITS',
  'PRIVATE_HOSTS',
  'FEEDBACK',
  'GITHUB_REDELIVERY',
  'TRIGGER_OIDC',
  'OIDC',
  'LOGIN',
  'ACCESS',
  'TOKENS',
  'CODECOMMIT_TOPIC_ARN',
  'PUBLIC_READ',
  'LEASE_NAMESPACE',
  'TENANTS',
  'WINDOWS',
  'ISSUER',
  'BUILD_ID',
  'PORT',
  'HOST',
  'DATA_DIR',
  'SCAN_INTERVAL_SECONDS',
  'RUN_TIMEOUT_SECONDS',
  'BODY_LIMIT_BYTES',
  'BODY_TIMEOUT_SECONDS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_SERVICE_NAME',
  'AWS_ACCESS_KEY_ID',
  'AWS_ROLE_ARN',
  'AWS_REGION',
  'GKE_CLUSTER',
  'AZURE_TENANT_ID',
  'AZURE_CLIENT_ID',
  'AZURE_AUTHORITY_HOST',
])

/** Secrets whose names are given; others are named by the configuration (`tokenSecret` and the like). */
const namedSecrets: ReadonlySet<string> = new Set([
  ...(Object.keys(receivers) as Provider[]).map(settingOf).filter((name) => !plainVariables.has(name)),
  'TRIGGER_TOKEN',
  'TRIGGER_HMAC_SECRET',
  'READ_TOKEN',
  'METRICS_TOKEN',
  'SESSION_KEY',
  'ARTIFACT_KEY',
  'ISSUER_KEY',
  'ISSUER_KEYS',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_WEB_IDENTITY_TOKEN',
  'GOOGLE_CREDENTIALS',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE',
  'AZURE_FEDERATED_TOKEN',
])

/** Variables of a process on Node that mean nothing to a Worker. */
export const nodeVariables: readonly string[] = ['PORT', 'HOST', 'DATA_DIR', 'LEASE_NAMESPACE']

/** Whether the value of a setting is secret: everything that is not known to be harmless. */
export function isSecretSetting(name: string): boolean {
  return !plainVariables.has(name)
}

/** Whether a name is that of a setting, whatever the rest of the configuration says. */
export function isKnownSetting(name: string): boolean {
  return plainVariables.has(name) || namedSecrets.has(name)
}
