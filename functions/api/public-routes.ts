import { z } from 'zod'
import { pageOf, readClusters } from '../../src/observe/index.ts'
import { publicCluster, publicObject } from '../access/public.ts'
import { observeDeps } from '../observe-deps.ts'
import { present } from './encode.ts'
import { route, type Route } from './route.ts'
import * as schemas from './schemas.ts'

const nothing = z.strictObject({})

/** What everybody may see where `PUBLIC_READ` says so: names and states, by encoders of their own. */
export const publicRoutes: readonly Route[] = [
  route({
    path: '/api/public/clusters',
    id: 'listPublicClusters',
    summary:
      'For everybody, where the configuration shows something to everybody: clusters and whether they are reached',
    isPublic: true,
    parameters: nothing,
    query: nothing,
    answer: schemas.publicClusters,
    errors: ['not-found'],
    handle: async (deps) => ({ clusters: (await readClusters(observeDeps(deps))).map(publicCluster) }),
  }),
  route({
    path: '/api/public/objects',
    id: 'listPublicObjects',
    summary:
      'For everybody, where the configuration shows something to everybody: objects, their state, and of which commit they are',
    isPublic: true,
    parameters: nothing,
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(500).optional(),
      cursor: z.string().max(1500).optional(),
    }),
    answer: schemas.publicObjects,
    errors: ['not-found'],
    handle: async (deps, { query }) => {
      const { limit = 100, cursor } = query
      const page = pageOf(await readClusters(observeDeps(deps)), {}, { limit, cursor })
      return present({ objects: page.items.map(publicObject), cursor: page.cursor })
    },
  }),
]
