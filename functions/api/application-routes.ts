import { z } from 'zod'
import { apiVersions, type Kind } from '../../src/api/index.ts'
import { readDrift } from '../../src/observe/index.ts'
import { findCluster, findObject, historyOf } from '../find-object.ts'
import { lookInto } from '../look.ts'
import { observeDeps } from '../observe-deps.ts'
import { driftOverview, history, object } from './application-schemas.ts'
import { present } from './encode.ts'
import { encodeDrifted, encodeHistory, encodeLook, encodeObject } from './encode-application.ts'
import { route, type Route } from './route.ts'

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a name of Kubernetes')
const kind = z.enum(Object.keys(apiVersions) as [Kind, ...Kind[]])
const flag = z.enum(['true', 'false']).transform((value) => value === 'true')
const key = z.strictObject({ cluster: name, kind, namespace: name, name })

/** One application with everything that its page shows, and what differs from Git. */
export const applicationRoutes: readonly Route[] = [
  route({
    path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
    id: 'getObject',
    summary:
      'One object; with `live=true` also what the cluster itself tells: conditions, the health of its inventory, releases and events',
    parameters: key,
    query: z.strictObject({ live: flag.optional() }),
    answer: object,
    errors: ['not-found', 'cluster-unknown'],
    handle: async (deps, { path, query }) => {
      const found = await findObject(deps, path)
      const look = query.live === true ? await lookInto(deps, path) : undefined
      return present({ ...encodeObject(deps, found), live: look === undefined ? undefined : encodeLook(look) })
    },
  }),
  route({
    path: '/api/objects/{cluster}/{kind}/{namespace}/{name}/history',
    id: 'getObjectHistory',
    summary:
      'What runs did to one object, newest first: who asked, how long each stage took, and what changed. What Helm has released is in the object with `live=true`',
    parameters: key,
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(200).optional(),
      before: z
        .string()
        .regex(/^[0-9a-z]{10,64}$/, 'must be the `before` of an earlier page')
        .optional(),
    }),
    answer: history,
    errors: ['not-found', 'cluster-unknown'],
    handle: async (deps, { path, query: { limit = 50, before } }) => {
      const { object: found } = await findObject(deps, path)
      // One more than is asked for tells whether there are any.
      const entries = await historyOf(deps, found, { limit: limit + 1, before })
      const shown = entries.slice(0, limit)
      return present({
        history: shown.map(encodeHistory),
        before: entries.length > limit ? shown.at(-1)?.run : undefined,
      })
    },
  }),
  route({
    path: '/api/drift',
    id: 'listDrift',
    summary:
      'What somebody else has changed, by application: which field, to what, by whom, since when, and the rule that leaves it alone',
    parameters: z.strictObject({}),
    query: z.strictObject({
      cluster: name.optional(),
      limit: z.coerce.number().int().min(1).max(200).optional(),
      page: z.coerce.number().int().min(1).max(100_000).optional(),
    }),
    answer: driftOverview,
    errors: ['cluster-unknown'],
    handle: async (deps, { query: { cluster, limit = 50, page: wanted = 1 } }) => {
      if (cluster !== undefined) findCluster(deps, cluster)
      const { applications, omitted, stale, unseen } = await readDrift(observeDeps(deps), cluster)
      const pages = Math.max(1, Math.ceil(applications.length / limit))
      const page = Math.min(wanted, pages)
      return {
        applications: applications.slice((page - 1) * limit, page * limit).map(encodeDrifted),
        total: applications.length,
        page,
        pages,
        omitted: [...omitted],
        stale: stale.map((one) => one.cluster),
        unseen: [...unseen],
      }
    },
  }),
]
