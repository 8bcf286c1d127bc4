import { z } from 'zod'
import { DiagnosticsError, fromBase64, utf8Text, type Diagnostic } from '../src/base/index.ts'
import { parseLabelSelector } from '../src/resources/index.ts'
import { receivers, settingOf, type Provider } from '../src/receivers/index.ts'
import type { Limits, Settings } from '../src/reconcile/index.ts'
import { feedbackSchema, type FeedbackRule } from './feedback-config.ts'
import { loadTenants } from './tenants-config.ts'
import { checkClusterSecrets } from './cluster-headers.ts'
import { identityProblems, identitySchema, loadIssuerConfig } from './issuer-config.ts'
import type { ClusterIdentity, IssuerConfig } from './issuer-config.ts'
import { changesProblems, changesSchema, type ChangesConfig } from './changes-config.ts'
import { loadPlansConfig, type PlanRule } from './plans/config.ts'
import { loadReadingConfig, type ReadingConfig } from './reading-config.ts'
import { safetySettings, windowsSchema } from './safety-config.ts'

/** Reads a variable or secret by its name: the environment, a file, a binding. */
export type ReadSetting = (name: string) => string | undefined

/** A cluster and how to reach it. Credentials are named, not held: they are read when they are used, so that they can change. */
export interface ClusterConfig {
  readonly name: string
  /** `https://host:port`. Absent with a kubeconfig. */
  readonly server?: string
  /** PEM certificates that sign the server's. On Cloudflare they belong to the binding. */
  readonly ca?: string
  /** Name of the secret with a bearer token. */
  readonly tokenSecret?: string
  /** Who the deployment is there, in place of a token that is stored. */
  readonly identity?: ClusterIdentity
  /** Name of the secret with headers for the gateway in front of the cluster, a JSON object. */
  readonly headersSecret?: string
  /** Names of the secrets with a client certificate and its key (PEM). Node only. */
  readonly clientCertSecret?: string
  readonly clientKeySecret?: string
  readonly serverName?: string
  readonly insecureSkipVerify?: boolean
  /** Node only. */
  readonly kubeconfig?: { readonly path: string; readonly context?: string }
  /** Cloudflare only: the VPC or service binding through which the cluster is reached. */
  readonly binding?: string
  /** `plan`: its first run says what it would do and waits for approval. Left out: as in the settings. */
  readonly firstRun?: 'plan' | 'apply'
  /** What it does with changes that were merged, and which clusters go before it. Left out: everything is applied as it comes. */
  readonly changes?: ChangesConfig
}

/** A webhook of GitHub, and the secret with a token that may read and redeliver its deliveries. */
export interface GithubHook {
  /** `https://api.github.com/repos/<owner>/<name>/hooks/<id>`, or `…/orgs/<name>/hooks/<id>`. */
  readonly hook: string
  readonly tokenSecret: string
}

/** An issuer of OpenID Connect whose tokens let a trigger in. */
export interface TriggerIssuer {
  readonly issuerURL: string
  readonly audience: string
  /** Each must be there with this value: anybody gets a token of a public issuer. */
  readonly claims: { readonly [name: string]: string }
}

const triggerIssuers: z.ZodType<readonly TriggerIssuer[]> = z.array(
  z.strictObject({
    issuerURL: z.url({ protocol: /^https$/, error: 'must be the https URL of the issuer' }),
    audience: z.string().min(1),
    claims: z
      .record(z.string(), z.string().min(1))
      .refine((claims) => Object.keys(claims).length > 0, 'name at least one claim, such as repository or sub'),
  }),
)

/** The configuration of a deployment. */
export interface Config {
  readonly clusters: readonly ClusterConfig[]
  /** Per provider; several while one is being replaced. A provider without any is off. */
  readonly webhookSecrets: { readonly [P in Provider]?: readonly string[] }
  readonly triggerTokens: readonly string[]
  readonly reading: ReadingConfig
  /** Set where the deployment issues tokens for its clusters. */
  readonly issuer?: IssuerConfig
  /** Sign triggers, in place of a token that travels. */
  readonly triggerHmacSecrets?: readonly string[]
  /** Issuers whose tokens let a trigger in, with the claims that such a token must have. */
  readonly triggerOidc?: readonly TriggerIssuer[]
  /** Sign the links to artifacts: the first makes them, all of them are believed. */
  readonly artifactKeys: readonly string[]
  /** Webhooks of GitHub whose failed deliveries are asked for again. */
  readonly githubRedelivery: readonly GithubHook[]
  readonly bodyLimitBytes: number
  readonly bodyTimeoutMs: number
  readonly scanIntervalMs: number
  readonly runTimeoutMs: number
  /** Set where several replicas work on the same clusters: the namespace in each cluster for the lock between them. */
  readonly leaseNamespace?: string
  /** Hosts that sources may be fetched from although their addresses are private (`git.corp.example`, `*.corp.example`, `10.1.2.3`). */
  readonly privateHosts: readonly string[]
  /** Forges that the deployment itself tells how runs go. */
  readonly feedback: readonly FeedbackRule[]
  /** Whose pull requests are planned; none without. */
  readonly plans?: readonly PlanRule[]
  /** Keys what is stored of plans; there where there are `plans`. */
  readonly planKey?: Uint8Array
  /** What differs from the engine's own defaults. */
  readonly settings: Partial<Settings>
  readonly limits: Partial<Limits>
}

const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,127}$/, 'must be the name of a secret, such as PROD_TOKEN; never the secret itself')

const pemError = { error: 'must be certificates in PEM, which may be in base64' }

function plainPem(value: unknown): unknown {
  if (typeof value !== 'string' || value.includes('-----BEGIN')) return value
  const bytes = fromBase64(value)
  return bytes === undefined ? value : (utf8Text(bytes) ?? value)
}

const clusterSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits, "-" and "."'),
    server: z.url({ protocol: /^https?$/, error: 'must be the URL of the API server' }).optional(),
    // In an environment file line breaks cannot stand: as in a kubeconfig, PEM may be in base64.
    ca: z.preprocess(plainPem, z.string().includes('-----BEGIN CERTIFICATE-----', pemError)).optional(),
    tokenSecret: secretName.optional(),
    identity: identitySchema.optional(),
    headersSecret: secretName.optional(),
    clientCertSecret: secretName.optional(),
    clientKeySecret: secretName.optional(),
    serverName: z.string().min(1).optional(),
    insecureSkipVerify: z.boolean().optional(),
    kubeconfig: z.strictObject({ path: z.string().min(1), context: z.string().min(1).optional() }).optional(),
    binding: z.string().min(1).optional(),
    firstRun: z.enum(['plan', 'apply']).optional(),
    changes: changesSchema.optional(),
  })
  .superRefine((cluster, context) => {
    const complain = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    const isTold = cluster.identity !== undefined && cluster.identity.kind !== 'oidc'
    if (
      isTold ? cluster.kubeconfig !== undefined : (cluster.server === undefined) === (cluster.kubeconfig === undefined)
    )
      complain('server', 'give either server or kubeconfig')
    for (const [field, message] of identityProblems(cluster as ClusterConfig)) complain(field, message)
    if ((cluster.clientCertSecret === undefined) !== (cluster.clientKeySecret === undefined)) {
      complain('clientCertSecret', 'clientCertSecret and clientKeySecret go together')
    }
    const carriesSecret = (['tokenSecret', 'clientCertSecret', 'identity', 'headersSecret'] as const).some(
      (field) => cluster[field] !== undefined,
    )
    if (carriesSecret && cluster.server?.startsWith('http:') === true) {
      complain('server', 'credentials are not sent over plain http; use https')
    }
  })

const clustersSchema = z
  .array(clusterSchema)
  .min(1, 'name at least one cluster')
  .refine(
    (clusters) => new Set(clusters.map((cluster) => cluster.name)).size === clusters.length,
    'two clusters have the same name',
  )

const settingsSchema = z
  .strictObject({
    noCrossNamespaceRefs: z.boolean(),
    noRemoteBases: z.boolean(),
    defaultServiceAccount: z.string(),
    defaultKubeConfigServiceAccount: z.string(),
    publicUrl: z.url({ protocol: /^https?$/, error: 'must be the URL of the deployment' }),
    gitArchives: z.boolean(),
    strictSubstitution: z.boolean(),
    customApplyStageKinds: z.array(z.string().regex(/^[^/]*\/[^/]+$/, 'must be group/Kind')),
    overrideManagers: z.array(z.string().min(1)),
    ...safetySettings,
    verifySopsMac: z.boolean(),
    sigstoreTrustedRootSecret: z.string().regex(/^$|^[^/]+\/[^/]+$/, 'must be namespace/name of a Secret'),
    sopsAgeSecret: z.string().regex(/^$|^[^/]+\/[^/]+$/, 'must be namespace/name of a Secret'),
    intervalJitterPercent: z.number().min(0).max(50),
    drift: z.enum(['repair', 'detect']),
    namespaces: z.array(z.string().min(1)),
    watchLabelSelector: z
      .string()
      .refine(isLabelSelector, 'must be a label selector, such as sharding.fluxcd.io/key=sluice'),
    defaultDecryptionServiceAccount: z.string(),
    sopsVaults: z.array(
      z.strictObject({
        address: z.url({ protocol: /^https$/, error: 'must be the URL of a Vault, with https' }),
        loginPath: z.string().regex(/^[\w-]+(\/[\w-]+)*$/, 'must be a path such as auth/kubernetes/login'),
      }),
    ),
    watchConfigsSelector: z.string(),
  })
  .partial()

function isLabelSelector(text: string): boolean {
  try {
    parseLabelSelector(text)
    return true
  } catch {
    return false
  }
}

const redeliverySchema = z
  .array(
    z.strictObject({
      hook: z
        .string()
        .regex(
          /^https?:\/\/[^/?#@\s]+(?:\/api\/v3)?\/(?:repos\/[\w.-]+\/[\w.-]+|orgs\/[\w.-]+)\/hooks\/\d+$/,
          'must be the API URL of a hook, https://api.github.com/repos/<owner>/<name>/hooks/<id>',
        ),
      tokenSecret: secretName,
    }),
  )
  .max(20)

const positive = z.number().int().min(1)
const limitsSchema = z
  .strictObject({
    runBudgetMs: positive,
    requestTimeoutMs: positive,
    nodeConcurrency: positive,
    applyConcurrency: positive,
    healthPollMs: positive,
  })
  .partial()

/** Shorter secrets can be guessed from one captured delivery. */
const minSecretLength = 8

/**
 * Reads the configuration of a deployment (README.md lists the variables). Throws a DiagnosticsError `config-invalid`
 * that names everything which is wrong, by variable and field; values never appear in it.
 */
export function loadConfig(read: ReadSetting): Config {
  const findings: Diagnostic[] = []
  const complain = (field: string, message: string): void => {
    findings.push({ code: 'config-invalid', severity: 'error', field, message })
  }
  const parse = <T>(name: string, schema: z.ZodType<T>, fallback: T): T => {
    const text = read(name)
    if (text === undefined || text.trim() === '') return fallback
    const value = parseJson(text)
    if (value === undefined) return (complain(name, 'is not JSON'), fallback)
    const result = schema.safeParse(value)
    if (result.success) return result.data
    for (const issue of result.error.issues) complain([name, ...issue.path].join('.'), issue.message)
    return fallback
  }
  const number = (name: string, fallback: number, max: number): number => {
    const text = read(name)
    if (text === undefined || text.trim() === '') return fallback
    const value = Number(text)
    if (Number.isFinite(value) && value > 0 && value <= max) return value
    return (complain(name, `must be a number above 0, at most ${max}`), fallback)
  }
  const secrets = (name: string): readonly string[] => readSecrets(read(name), (message) => complain(name, message))

  const clusters = parse<readonly ClusterConfig[]>(
    'CLUSTERS',
    clustersSchema as unknown as z.ZodType<readonly ClusterConfig[]>,
    [],
  )
  if (read('CLUSTERS') === undefined)
    complain('CLUSTERS', 'is missing: a JSON list of {"name", "server", "tokenSecret", …}')
  checkClusterSecrets(clusters, read, complain)
  for (const [field, message] of changesProblems(clusters, (read('PLAN_KEY') ?? '') !== '')) complain(field, message)
  const webhookSecrets: { [P in Provider]?: readonly string[] } = {}
  for (const provider of Object.keys(receivers) as Provider[]) {
    const found = secrets(settingOf(provider))
    if (found.length > 0) webhookSecrets[provider] = found
  }
  const feedback = parse('FEEDBACK', feedbackSchema, []) as readonly FeedbackRule[]
  for (const { tokenSecret: name } of feedback)
    if ((read(name) ?? '') === '') complain('FEEDBACK.tokenSecret', `there is no secret ${name}`)
  const privateHosts = parse('PRIVATE_HOSTS', z.array(z.string().min(1)), [])
  const leaseNamespace = read('LEASE_NAMESPACE')?.trim() ?? ''
  if (leaseNamespace !== '' && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(leaseNamespace))
    complain('LEASE_NAMESPACE', 'must be the name of a namespace')
  const settings = parse('SETTINGS', settingsSchema, {}) as Partial<Settings>
  const { publicUrl } = settings
  const issuer = loadIssuerConfig({ read, parse, secrets, complain, publicUrl, clusters })
  const config: Config = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(leaseNamespace === '' ? {} : { leaseNamespace }),
    clusters,
    webhookSecrets,
    triggerTokens: secrets('TRIGGER_TOKEN'),
    reading: loadReadingConfig({ read, parse, secrets, complain }),
    triggerHmacSecrets: secrets('TRIGGER_HMAC_SECRET'),
    triggerOidc: parse<readonly TriggerIssuer[]>('TRIGGER_OIDC', triggerIssuers, []),
    artifactKeys: secrets('ARTIFACT_KEY'),
    githubRedelivery: parse('GITHUB_REDELIVERY', redeliverySchema, []),
    bodyLimitBytes: number('BODY_LIMIT_BYTES', 25 * 1024 * 1024, 64 * 1024 * 1024),
    bodyTimeoutMs: number('BODY_TIMEOUT_SECONDS', 10, 300) * 1000,
    scanIntervalMs: number('SCAN_INTERVAL_SECONDS', 60, 86_400) * 1000,
    runTimeoutMs: number('RUN_TIMEOUT_SECONDS', 300, 840) * 1000,
    privateHosts,
    feedback,
    ...loadPlansConfig({ read, parse, secrets, complain }),
    settings: {
      ...settings,
      ...loadTenants(read, complain),
      windows: parse('WINDOWS', windowsSchema, []),
      egress: { allowHosts: privateHosts },
    },
    limits: parse('LIMITS', limitsSchema, {}) as Partial<Limits>,
  }
  if (findings.length > 0) throw new DiagnosticsError(findings, { code: 'config-invalid' })
  return config
}

/** One secret, or a JSON list of them while one is being replaced. */
function readSecrets(text: string | undefined, complain: (message: string) => void): readonly string[] {
  if (text === undefined || text === '') return []
  const list = text.startsWith('[') ? z.array(z.string()).safeParse(parseJson(text)).data : [text]
  if (list === undefined) return (complain('begins with "[" but is not a JSON list of strings'), [])
  if (list.some((secret) => secret.length < minSecretLength))
    complain(`a secret needs at least ${minSecretLength} characters`)
  return list
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The message of a parser quotes the text, which may hold a secret.
  }
}
