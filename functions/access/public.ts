import type { ObservedCluster, ObservedObject, PublicObject } from '../../src/observe/index.ts'
import { conditionOf } from '../../src/observe/index.ts'
import type { Reader } from '../authorize-reading.ts'
import { readerOf } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { hasRole, maySee, maySeePartOf, type PlaceFacts, type Principal } from './roles.ts'

/** What everybody sees of a cluster. */
export interface PublicCluster {
  readonly cluster: string
  readonly health: 'seen' | 'stale' | 'unknown'
  readonly lastSeenAt?: number
}

/** Nothing is known of tenants and repositories for somebody whom nobody knows. */
const noFacts: PlaceFacts = {
  tenantOf: () => undefined,
  hasTenant: () => false,
  repositoryOf: () => undefined,
  hasRepository: () => false,
}

/** Everybody, as a reader of what the configuration shows to everybody; undefined where that is nothing. */
export function publicReader({ config }: Pick<FunctionDeps, 'config'>): Reader | undefined {
  const { isPublic, publicScope = {} } = config.reading
  if (!isPublic) return undefined
  const principal: Principal = { name: 'everybody', grants: [{ role: 'viewer', scope: publicScope }] }
  return {
    ...readerOf({
      how: 'token',
      name: principal.name,
      mayDo: () => false,
      isAtLeast: (role) => role === 'viewer',
      hasRole: (role, target) => role === 'viewer' && hasRole(principal, role, target, noFacts),
      maySee: (target) => target !== 'everything' && maySee(principal, target, noFacts),
      maySeePartOf: (cluster) => maySeePartOf(principal, cluster, noFacts),
    }),
    seesWhole: () => false,
  }
}

/** The one encoder for what everybody sees of a cluster. */
export function publicCluster({ health }: Pick<ObservedCluster, 'health'>): PublicCluster {
  const { cluster, lastSeenAt } = health
  return { cluster, health: health.health, ...(lastSeenAt === undefined ? {} : { lastSeenAt }) }
}

/** The one encoder for what everybody sees of an object. */
export function publicObject({ cluster, summary, state }: ObservedObject): PublicObject {
  const { kind, namespace, name } = summary
  const revision = shortRevision(summary.appliedRevision)
  const since = Date.parse(conditionOf(summary, 'Ready')?.lastTransitionTime ?? '')
  return {
    cluster,
    kind,
    namespace,
    name,
    state,
    ...(revision === undefined ? {} : { revision }),
    ...(Number.isNaN(since) ? {} : { since }),
  }
}

/** The beginning of a commit or digest, without the branch; a version where it is one; undefined for anything else. */
export function shortRevision(revision: string | undefined): string | undefined {
  const digits = /(?:^|[@:])([0-9a-f]{40}|[0-9a-f]{64})$/.exec(revision ?? '')?.[1]
  return digits?.slice(0, 8) ?? /^v?\d+(?:\.\d+){1,3}(?:[-+][\w.-]{1,30})?$/.exec(revision ?? '')?.[0]
}
