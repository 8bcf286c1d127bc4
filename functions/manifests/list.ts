import type { StoredApplication } from '../../src/reconcile/index.ts'
import type { PlanManifests } from './read.ts'

/** One side as lists tell it. */
export interface ListedSide {
  readonly state: 'rendered' | 'failed'
  readonly objects?: number
  readonly bytes?: number
  readonly digest?: string
  readonly omitted?: readonly string[]
  readonly omittedCount?: number
}

/** What there is of a plan's manifests, without text. Fields are picked one by one. */
export function listManifests({ plan, clusters }: PlanManifests): {
  readonly plan: string
  readonly base: string
  readonly head: string
  readonly clusters: readonly {
    readonly cluster: string
    readonly state: 'stored' | 'missing' | 'forged'
    readonly applications: readonly {
      readonly kind: string
      readonly namespace: string
      readonly name: string
      readonly base?: ListedSide
      readonly head?: ListedSide
    }[]
    readonly omitted: readonly string[]
    readonly omittedCount: number
  }[]
} {
  const { id, change } = plan
  return {
    plan: id,
    base: change.base,
    head: change.head,
    clusters: clusters.map(({ cluster, state, applications, omitted, omittedCount }) => ({
      cluster,
      state,
      applications: applications.map(({ kind, namespace, name, base, head }) => ({
        kind,
        namespace,
        name,
        ...(base === undefined ? {} : { base: listSide(base) }),
        ...(head === undefined ? {} : { head: listSide(head) }),
      })),
      omitted,
      omittedCount,
    })),
  }
}

function listSide(side: NonNullable<StoredApplication['base']>): ListedSide {
  if (side === 'failed') return { state: 'failed' }
  const { objects, bytes, digest, omitted, omittedCount } = side
  return { state: 'rendered', objects, bytes, digest, omitted, omittedCount }
}
