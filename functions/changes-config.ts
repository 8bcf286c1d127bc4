import { z } from 'zod'
import { isEngineError, parseDuration } from '../src/base/index.ts'
import { permissions, type Permission } from '../src/forges/index.ts'
import { afterMerges, type ChangesPolicy } from '../src/reconcile/index.ts'

/** `CLUSTERS[].changes`: what a cluster does with what was merged, which clusters go before it, and who may approve with a comment. */
export interface ChangesConfig extends Omit<ChangesPolicy, 'healthyForMs'> {
  /** A duration: `10m`. */
  readonly healthyFor?: string | undefined
  readonly approvers?: Approvers | undefined
}

/** Who may approve by `/apply`. */
export interface Approvers {
  /** What the forge lets them do at least; default `maintain`. */
  readonly permission?: 'admin' | 'maintain' | 'write' | undefined
  /** Or members of one of these organisations, teams (`team/leads`) or groups. */
  readonly groups?: readonly string[] | undefined
}

/** Default of {@link Approvers.permission}: writing lets somebody propose, and branches that are protected ask for more than that to merge. */
const defaultPermission: Permission = 'maintain'

const names = z.array(z.string().min(1).max(253)).min(1).max(100)
const afterMerge = z.enum(afterMerges)
const maxHealthyMs = 7 * 24 * 3600_000

/** Whether a cluster waits for approval of anything. */
export function holdsChanges({ changes }: ClusterWithChanges): boolean {
  return changes?.afterMerge !== undefined || changes?.rules !== undefined
}

/** The schema of `CLUSTERS[].changes`. */
export const changesSchema = z
  .strictObject({
    afterMerge: afterMerge.optional(),
    rules: z
      .array(
        z.strictObject({
          afterMerge,
          namespaces: names.optional(),
          kinds: z
            .array(z.enum(['Kustomization', 'HelmRelease']))
            .min(1)
            .optional(),
          names: names.optional(),
        }),
      )
      .max(50)
      .optional(),
    after: names.optional(),
    healthyFor: z.string().refine(isHealthyFor, 'must be a duration such as 10m, at most a week').optional(),
    approvers: z
      .strictObject({
        permission: z.enum(['admin', 'maintain', 'write']).optional(),
        groups: names.optional(),
      })
      .optional(),
  })
  .superRefine((changes, context) => {
    if (changes.healthyFor !== undefined && changes.after === undefined)
      context.addIssue({ code: 'custom', path: ['healthyFor'], message: 'belongs to after, which names the clusters' })
  })

function isHealthyFor(text: string): boolean {
  try {
    const ms = parseDuration(text)
    return ms >= 0 && ms <= maxHealthyMs
  } catch (error) {
    if (isEngineError(error)) return false
    throw error
  }
}

interface ClusterWithChanges {
  readonly name: string
  readonly changes?: ChangesConfig | undefined
}

/** What is wrong between clusters: names that are not there, clusters that wait for each other, and a policy without the key that it needs. */
export function changesProblems(
  clusters: readonly ClusterWithChanges[],
  hasKey: boolean,
): readonly (readonly [field: string, message: string])[] {
  const known = new Map(clusters.map((cluster) => [cluster.name, cluster]))
  const problems: [string, string][] = []
  for (const [index, { changes, name }] of clusters.entries()) {
    const field = `CLUSTERS.${index}.changes`
    for (const first of changes?.after ?? [])
      if (!known.has(first)) problems.push([`${field}.after`, `there is no cluster ${first}`])
    const cycle = cycleFrom(name, known)
    if (cycle !== undefined)
      problems.push([`${field}.after`, `the clusters wait for each other: ${cycle.join(' -> ')}`])
    const compares = changes?.afterMerge !== undefined || (changes?.rules ?? []).length > 0
    if (compares && !hasKey)
      problems.push([field, 'needs PLAN_KEY, a secret that signs approvals (openssl rand -base64 32)'])
  }
  return problems
}

/** The way from a cluster back to itself. */
function cycleFrom(start: string, known: ReadonlyMap<string, ClusterWithChanges>): readonly string[] | undefined {
  const seen = new Set<string>()
  const ways: (readonly string[])[] = [[start]]
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    for (const next of known.get(way.at(-1) ?? '')?.changes?.after ?? []) {
      if (next === start) return [...way, next]
      if (seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}

/** The policy of a cluster for the engine; undefined where it has none. */
export function policyOf({ changes }: ClusterWithChanges): ChangesPolicy | undefined {
  if (changes === undefined) return undefined
  const { afterMerge: after, rules, after: first, healthyFor } = changes
  return {
    ...(after === undefined ? {} : { afterMerge: after }),
    ...(rules === undefined ? {} : { rules }),
    ...(first === undefined ? {} : { after: first }),
    ...(healthyFor === undefined ? {} : { healthyForMs: parseDuration(healthyFor) }),
  }
}

/** The clusters that wait for one. */
export function followersOf(clusters: readonly ClusterWithChanges[], name: string): readonly string[] {
  return clusters.filter(({ changes }) => changes?.after?.includes(name) === true).map((cluster) => cluster.name)
}

/** Whether a permission of a forge is enough to approve with a comment on a cluster. */
export function mayApprove({ changes }: ClusterWithChanges, permission: Permission): boolean {
  const wanted = changes?.approvers?.permission ?? defaultPermission
  return permissions.indexOf(permission) <= permissions.indexOf(wanted)
}
