import { createCloudLogins, createClusterAccess } from '../src/cloud/index.ts'
import {
  createCloudTransport,
  createFixedKeys,
  createIssuer,
  createKeyStore,
  createLoginTransport,
  createOidcLogins,
  createTokenCache,
  type Issuer,
  type KeyMemory,
  type OpenTransport,
  type TokenCache,
  type TokenMemory,
} from '../src/identity/index.ts'
import { EngineError } from '../src/base/index.ts'
import type {
  Clock,
  ClusterAccessProviders,
  HttpClient,
  KubeTransport,
  Logger,
  Random,
  StateStore,
} from '../src/ports/index.ts'
import type { ClusterConfig, Config, ReadSetting } from './config.ts'
import { audienceOf, subjectOf } from './issuer-config.ts'

/** How the deployment logs in to its own clusters. */
export interface DeploymentLogins {
  /** Undefined where it is none. */
  readonly issuer: Issuer | undefined
  readonly tokens: TokenCache | undefined
  readonly access: ClusterAccessProviders
  readonly clock: Clock
}

/** What logins remember, in the memory of one process or isolate. All of it may be lost at any time. */
export interface LoginMemory {
  readonly keys: KeyMemory
  readonly tokens: TokenMemory
}

/** Empty memory; a composition root makes one. */
export function createLoginMemory(): LoginMemory {
  return { keys: {}, tokens: new Map() }
}

const day = 86_400_000
/** What clocks differ by, and how long somebody may take to forget a key. */
const leewayMs = 300_000

/** Makes the logins of a deployment. `state` must be the store that all of its processes share. */
export function createDeploymentLogins(deps: {
  readonly config: Config
  readonly read: ReadSetting
  readonly state: StateStore
  readonly http: HttpClient
  readonly memory: LoginMemory
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}): DeploymentLogins {
  const { config, read, http, memory, clock } = deps
  const egress = { allowHosts: config.privateHosts }
  const access = createClusterAccess(createCloudLogins({ http, egress, clock, read }))
  if (config.issuer === undefined) return { issuer: undefined, tokens: undefined, access, clock }
  const { url, keys: source, tokenMs, rotateEveryMs } = config.issuer
  const publishAheadMs = Math.min(day, rotateEveryMs / 4)
  const keys =
    source.kind === 'fixed'
      ? createFixedKeys(() => read('ISSUER_KEYS') ?? '')
      : createKeyStore({
          ...deps,
          secrets: source.secrets,
          policy: { rotateEveryMs, publishAheadMs, publishAfterMs: tokenMs + leewayMs },
          memory: memory.keys,
          rereadMs: 30_000,
        })
  const issuer = createIssuer({ url, keys, tokenMs, clock })
  return { issuer, tokens: createTokenCache(issuer, clock, memory.tokens), access, clock }
}

/**
 * A transport to a cluster that logs in as the configuration says (`identity`).
 *
 * @param open carries requests without credentials.
 * @throws EngineError `cluster-config-invalid`.
 */
export function connectAs(cluster: ClusterConfig, logins: DeploymentLogins, open: OpenTransport): KubeTransport {
  const { name, identity, server, ca } = cluster
  const place = { ...(server === undefined ? {} : { server }), ...(ca === undefined ? {} : { ca }) }
  const unusable = (message: string): EngineError =>
    new EngineError(`cluster '${name}': ${message}`, { code: 'cluster-config-invalid' })
  if (identity === undefined) throw unusable('it has no identity')
  if (identity.kind !== 'oidc')
    return createCloudTransport(
      { name, provider: identity.kind, cluster: identity.cluster, ...place },
      { access: logins.access, open, clock: logins.clock },
    )
  if (logins.tokens === undefined || server === undefined) throw unusable('identity needs ISSUER_KEY and a server')
  const { tokens } = logins
  return createLoginTransport(
    open({ ...place, server }),
    createOidcLogins({ tokens, cluster: name, audience: audienceOf(name, identity), subject: subjectOf(identity) }),
  )
}
