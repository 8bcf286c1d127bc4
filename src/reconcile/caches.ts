import type { ClusterCache } from '../kube/index.ts'
import type { GitObjectCache } from '../sources/index.ts'

/** What a coordinator keeps between the runs of its cluster. All of it can be thrown away at any time. */
export interface CoordinatorCaches {
  /** Discovery of the cluster's API. */
  readonly cluster: ClusterCache
  /** Git objects, shared by all sources of the cluster. */
  readonly git: GitObjectCache
}
