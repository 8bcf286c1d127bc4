import { z } from 'zod'
import { apiVersions, type Kind } from '../../src/api/index.ts'
import { EngineError, toEngineError } from '../../src/base/index.ts'
import {
  idOfSummary,
  listRuns,
  pageOf,
  readCluster,
  readClusters,
  readLive,
  readOneClusterHealth,
  stateOf,
  traceCommit,
  type ObservedObject,
} from '../../src/observe/index.ts'
import { credentialOf } from '../credentials.ts'
import type { FunctionDeps } from '../deps.ts'
import { observeDeps } from '../observe-deps.ts'
import { actionsRoute } from './actions-route.ts'
import { deploymentRoute } from './deployment-route.ts'
import { encodeCluster, encodeObject, encodeObjectHead, encodeRun, encodeRunHead, present } from './encode.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { planRoutes } from './plan-routes.ts'
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
  route({
    path: '/api/clusters',
    id: 'listClusters',
    summary: 'Clusters, whether they are reached, and how many objects are in which state',
    parameters: nothing,
    query: nothing,
    answer: schemas.clusters,
    handle: async (deps) => ({
      clusters: await Promise.all(
        (await readClusters(observeDeps(deps))).map(async (cluster) => {
          const configured = deps.config.clusters.find(({ name: one }) => one === cluster.health.cluster)
          const isWhole = deps.reader?.seesWhole(cluster.health.cluster) === true
          const credential = configured === undefined || !isWhole ? undefined : await credentialOf(deps, configured)
          return present({ ...encodeCluster(cluster), credential })
        }),
      ),
    }),
  }),
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
  route({
    path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
    id: 'getObject',
    summary: 'One object; with `live=true` also its conditions and inventory as the cluster itself tells them',
    parameters: z.strictObject({ cluster: name, kind, namespace: name, name }),
    query: z.strictObject({ live: flag.optional() }),
    answer: schemas.object,
    errors: ['not-found', 'cluster-unknown'],
    handle: async (deps, { path, query }) => {
      const { object, health } = await findObject(deps, path)
      const live = query.live === true ? await lookLive(deps, path) : undefined
      return present({ ...encodeObject(object, health), live })
    },
  }),
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
      const trace = await traceCommit({ ...observeDeps(deps), runs: deps.runs }, path.commit)
      return present({
        commit: trace.commit,
        push: trace.push,
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

/** An object of the store. Throws EngineError `cluster-unknown`, `not-found`. */
export async function findObject(
  deps: FunctionDeps,
  key: { readonly cluster: string; readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<{ readonly object: ObservedObject; readonly health: Awaited<ReturnType<typeof readOneClusterHealth>> }> {
  findCluster(deps, key.cluster)
  const health = await readOneClusterHealth(observeDeps(deps), key.cluster)
  const { lookup } = await readCluster(deps, health)
  const summary = lookup(idOfSummary(key))
  if (summary === undefined) throw noObject(key.cluster, idOfSummary(key))
  return { object: { cluster: key.cluster, summary, state: stateOf(summary, lookup) }, health }
}

/** What the cluster itself says of an object, or why it could not be asked. Never rejects. */
export async function lookLive(
  deps: FunctionDeps,
  key: { readonly cluster: string; readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<z.infer<typeof schemas.live>> {
  try {
    const { readAt, conditions, inventory } = await readLive(deps, key.cluster, key)
    return { readAt, conditions: [...conditions], inventory: [...inventory] }
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'object not read from its cluster', {
      cluster: key.cluster,
      object: idOfSummary(key),
      code,
      error: message,
    })
    // What a transport says may name addresses that are nobody's business.
    const known = ['cluster-slow', 'cluster-answer', 'not-found']
    return { error: { code, message: known.includes(code) ? message : 'the cluster could not be asked' } }
  }
}

/** Checks that the configuration has a cluster. Throws EngineError `cluster-unknown`. */
export function findCluster(deps: FunctionDeps, cluster: string): void {
  const known = deps.config.clusters.map((one) => one.name)
  if (known.includes(cluster)) return
  throw new EngineError(`there is no cluster ${cluster}; known are ${known.join(', ')}`, { code: 'cluster-unknown' })
}

/** The error for an object that no run has seen. */
export function noObject(cluster: string, id: string): EngineError {
  return notFound(`no run has seen ${id} in the cluster ${cluster}`)
}

function notFound(message: string): EngineError {
  return new EngineError(message, { code: 'not-found' })
}
