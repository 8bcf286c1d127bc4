import { z } from 'zod'
import {
  readCluster,
  readClusters,
  readDrift,
  readOneClusterHealth,
  type ObservedCluster,
} from '../../src/observe/index.ts'
import { waitingOn } from '../approvals.ts'
import { credentialOf } from '../credentials.ts'
import type { FunctionDeps } from '../deps.ts'
import { findCluster } from '../find-object.ts'
import { observeDeps } from '../observe-deps.ts'
import { cluster as clusterSchema } from './application-schemas.ts'
import { encodeCluster, present } from './encode.ts'
import { route, type Route } from './route.ts'
import * as schemas from './schemas.ts'

const nothing = z.strictObject({})

/** All clusters, and one. */
export const clusterRoutes: readonly Route[] = [
  route({
    path: '/api/clusters',
    id: 'listClusters',
    summary: 'Clusters, whether they are reached, and how many objects are in which state',
    parameters: nothing,
    query: nothing,
    answer: schemas.clusters,
    handle: async (deps) => ({
      clusters: await Promise.all((await readClusters(observeDeps(deps))).map((one) => withCredential(deps, one))),
    }),
  }),
  route({
    path: '/api/clusters/{cluster}',
    id: 'getCluster',
    summary: 'One cluster, with what waits for approval on it; its objects are in `/api/objects?cluster=…`',
    parameters: z.strictObject({ cluster: z.string().min(1).max(253) }),
    query: nothing,
    answer: clusterSchema,
    errors: ['cluster-unknown'],
    handle: async (deps, { path: { cluster } }) => {
      findCluster(deps, cluster)
      const observing = observeDeps(deps)
      const [observed, drift, waiting] = await Promise.all([
        readOneClusterHealth(observing, cluster).then((health) => readCluster(deps, health)),
        readDrift(observing, cluster),
        deps.config.planKey === undefined ? [] : waitingOn(deps, [cluster]),
      ])
      return {
        ...(await withCredential(deps, observed)),
        differences: drift.applications.reduce((sum, { differences }) => sum + differences.length, 0),
        waiting: waiting.map(({ application, revision, since, message, plan, pullRequest }) =>
          present({ application, revision, since, message, plan, pullRequest }),
        ),
      }
    },
  }),
]

/** With what the deployment logs in by, for who sees the whole cluster. */
async function withCredential(
  deps: FunctionDeps,
  cluster: ObservedCluster,
): Promise<z.infer<typeof schemas.clusters>['clusters'][number]> {
  const configured = deps.config.clusters.find(({ name }) => name === cluster.health.cluster)
  const isWhole = deps.reader?.seesWhole(cluster.health.cluster) === true
  const credential = configured === undefined || !isWhole ? undefined : await credentialOf(deps, configured)
  return present({ ...encodeCluster(cluster), credential })
}
