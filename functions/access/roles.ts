import { matchesName } from '../../src/tenancy/index.ts'
import type { Action } from '../authorize-action.ts'

/** What somebody may be, least first. Each may do what those before it may. */
export const roles = ['viewer', 'operator', 'maintainer', 'admin'] as const
export type Role = (typeof roles)[number]

/** Where a role counts. Fields that are left out limit nothing; all that are there must fit. */
export interface Scope {
  /** Names of clusters; `*` stands for any part of one. */
  readonly clusters?: readonly string[]
  /** Names of namespaces, in the same way. */
  readonly namespaces?: readonly string[]
  /** Names of tenants: their namespaces, in their clusters. */
  readonly tenants?: readonly string[]
  /** `https://host/owner/name`: objects whose source is this repository. */
  readonly repository?: string
}

/** A role and where it counts. */
export interface Grant {
  readonly role: Role
  readonly scope: Scope
}

/** Somebody who has proven who they are, with all that follows from it. */
export interface Principal {
  /** Goes into records. */
  readonly name: string
  readonly grants: readonly Grant[]
}

/** What is looked at or acted on: an object, a cluster as a whole, or everything. */
export type AccessTarget =
  | { readonly cluster: string; readonly kind?: string; readonly namespace: string; readonly name?: string }
  | { readonly cluster: string }
  | 'everything'

/** Facts about places that scopes ask for. */
export interface PlaceFacts {
  /** The tenant that a namespace of a cluster belongs to; undefined for the platform's, for nobody's, and where it is not known. */
  readonly tenantOf: (cluster: string, namespace: string) => string | undefined
  /** Whether a tenant may use a cluster at all. */
  readonly hasTenant: (cluster: string, tenant: string) => boolean
  /** The repository of an object's source (`https://host/owner/name`), where it is known; of a source its own. */
  readonly repositoryOf: (cluster: string, id: string) => string | undefined
  /** Whether any object of a cluster comes from a repository. */
  readonly hasRepository: (cluster: string, repository: string) => boolean
}

/** The least role for each action. */
const needed: { readonly [action in Action]: Role } = {
  reconcile: 'operator',
  retry: 'operator',
  suspend: 'operator',
  resume: 'operator',
  pin: 'maintainer',
  unpin: 'maintainer',
  revert: 'maintainer',
  approve: 'maintainer',
  abort: 'maintainer',
}

/** Whether a principal may do this to all of that. Nobody may do anything to nothing. */
export function mayDo(
  principal: Principal,
  action: Action,
  target: AccessTarget | readonly AccessTarget[],
  facts: PlaceFacts,
): boolean {
  return hasRole(principal, needed[action], target, facts)
}

/** Whether a principal has at least a role for all of a target. */
export function hasRole(
  { grants }: Principal,
  role: Role,
  target: AccessTarget | readonly AccessTarget[],
  facts: PlaceFacts,
): boolean {
  const fit = grants.filter((grant) => roles.indexOf(grant.role) >= roles.indexOf(role))
  const targets = isList(target) ? target : [target]
  return targets.length > 0 && targets.every((one) => fit.some(({ scope }) => covers(scope, one, facts)))
}

/** Whether a principal may look at a target: any role that covers it. */
export function maySee(principal: Principal, target: AccessTarget, facts: PlaceFacts): boolean {
  return hasRole(principal, 'viewer', target, facts)
}

/** Whether a principal may see anything in a cluster, and so that there is such a cluster. */
export function maySeePartOf({ grants }: Principal, cluster: string, facts: PlaceFacts): boolean {
  return grants.some(({ scope }) => {
    const { tenants, repository } = scope
    return (
      fits(scope.clusters, cluster) &&
      (tenants === undefined || tenants.some((tenant) => facts.hasTenant(cluster, tenant))) &&
      (repository === undefined || facts.hasRepository(cluster, repository))
    )
  })
}

function covers(scope: Scope, target: AccessTarget, facts: PlaceFacts): boolean {
  const { clusters, namespaces, tenants, repository } = scope
  if (target === 'everything') return [clusters, namespaces, tenants, repository].every((one) => one === undefined)
  if (!fits(clusters, target.cluster)) return false
  if (!('namespace' in target)) return [namespaces, tenants, repository].every((one) => one === undefined)
  const { cluster, namespace, kind, name } = target
  if (!fits(namespaces, namespace)) return false
  if (tenants !== undefined) {
    const tenant = facts.tenantOf(cluster, namespace)
    if (tenant === undefined || !tenants.includes(tenant)) return false
  }
  if (repository === undefined) return true
  // A namespace by itself comes from no repository.
  return (
    kind !== undefined &&
    name !== undefined &&
    facts.repositoryOf(cluster, `${kind}/${namespace}/${name}`) === repository
  )
}

/** No patterns fit everything; an empty list fits nothing. */
function fits(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || (name !== '' && patterns.some((pattern) => matchesName(pattern, name)))
}

function isList(target: AccessTarget | readonly AccessTarget[]): target is readonly AccessTarget[] {
  return Array.isArray(target)
}
