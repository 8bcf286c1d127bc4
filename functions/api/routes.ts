import { z } from 'zod'
import { apiVersions, type Kind } from '../../src/api/index.ts'
import { listRuns, pageOf, readClusters } from '../../src/observe/index.ts'
import { findCommit } from '../commit-trace.ts'
import { findCluster, notFound } from '../find-object.ts'
import { observeDeps } from '../observe-deps.ts'
import { actionsRoute } from './actions-route.ts'
import { applicationRoutes } from './application-routes.ts'
import { clusterRoutes } from './cluster-routes.ts'
import { deploymentRoute } from './deployment-route.ts'
import { encodeObjectHead, encodeRun, encodeRunHead, present } from './encode.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { encodePlanHead, planRoutes } from './plan-routes.ts'
import { publicRoutes } from './public-routes.ts'
import { route, type Route } from './route.ts'
import * as schemas from './schemas.ts'

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a name of Kubernetes')
const runId = z.string().regex(/^[0-9a-z]{10,64}$/, 'must be the id of a run')
const kind = z.enum(Object.keys(apiVersions) as [Kind, ...Kind[]])
const limit = z.coerce.number().int().min(1).max(500)
const flag = z.enum(['true', 'false']).transform((value) => value === 'true')
const nothing = z.strictObject({})

/** Every route of the API. */
export const routes: readonly Route[] = [
  deploymentRoute,
  ...planRoutes,
  actionsRoute,
  ...publicRoutes,
  ...clusterRoutes,
  route({
    path: '/api/objects',
    id: 'listObjects',
    summary: 'Sources, Kustomizations and HelmReleases, sorted by cluster, kind, namespace and name',
    parameters: nothing,
    query: z.strictObject({
      cluster: name.optional(),
      kind: kind.optional(),
      namespace: name.optional(),
      name: name.optional(),
      state: schemas.objectState.optional(),
      ready: schemas.conditionStatus.optional(),
      source: z
        .string()
        .max(600)
        .regex(/^[A-Za-z]+\/[-a-z0-9.]+(\/[-a-z0-9.]+)?$/, 'must be Kind/name or Kind/namespace/name')
        .optional(),
      limit: limit.optional(),
      cursor: z.string().max(1500).optional(),
    }),
    answer: schemas.objects,
    errors: ['cluster-unknown'],
    handle: async (deps, { query }) => {
      const { cluster, limit: wanted = 100, cursor, ...filter } = query
      if (cluster !== undefined) findCluster(deps, cluster)
      const clusters = await readClusters(observeDeps(deps), cluster === undefined ? undefined : [cluster])
      const page = pageOf(clusters, filter, { limit: wanted, cursor })
      const healthOf = new Map(clusters.map(({ health }) => [health.cluster, health]))
      return present({
        objects: page.items.map((object) =>
          encodeObjectHead(object, healthOf.get(object.cluster) ?? { cluster: object.cluster, health: 'unknown' }),
        ),
        cursor: page.cursor,
      })
    },
  }),
  ...applicationRoutes,
  route({
    path: '/api/runs',
    id: 'listRuns',
    summary: 'Runs, newest first; scans that found nothing to do only with `quiet=true`',
    parameters: nothing,
    query: z.strictObject({
      trigger: schemas.trigger.optional(),
      state: schemas.runState.optional(),
      cluster: name.optional(),
      quiet: flag.optional(),
      limit: z.coerce.number().int().min(1).max(100).optional(),
      before: runId.optional(),
    }),
    answer: schemas.runs,
    handle: async (deps, { query }) => {
      const { limit: wanted = 20, before, ...filter } = query
      const page = await listRuns(deps.runs, filter, { limit: wanted, before })
      return present({ runs: page.runs.map(encodeRunHead), before: page.before })
    },
  }),
  route({
    path: '/api/runs/{id}',
    id: 'getRun',
    summary: 'One run over all of its clusters, object by object',
    parameters: z.strictObject({ id: runId }),
    query: nothing,
    answer: schemas.run,
    errors: ['not-found'],
    handle: async (deps, { path }) => {
      const run = await deps.runs.get(path.id)
      if (run === undefined) throw notFound('there is no such run')
      return encodeRun(run)
    },
  }),
  route({
    path: '/api/commits/{commit}',
    id: 'getCommit',
    summary:
      'The way of a commit through all clusters: when it was received, fetched, rendered, applied and healthy, and what is missing',
    parameters: z.strictObject({
      commit: z.string().regex(/^[0-9a-fA-F]{7,64}$/, 'must be a commit, or at least seven digits of it'),
    }),
    query: nothing,
    answer: schemas.commit,
    errors: ['not-found'],
    handle: async (deps, { path }) => {
      const { trace, plans } = await findCommit(deps, path.commit)
      return present({
        commit: trace.commit,
        push: trace.push,
        plans: plans.map(encodePlanHead),
        clusters: trace.clusters.map(({ health, objects, missing, ...rest }) => ({
          ...rest,
          cluster: health.cluster,
          health,
          objects: objects.map((object) => ({ ...object, waitsFor: [...object.waitsFor] })),
          missing: [...missing],
        })),
        runs: trace.runs.map(encodeRunHead),
      })
    },
  }),
  ...fleetRoutes,
]
