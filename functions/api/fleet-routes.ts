import { z } from 'zod'
import { deliveryOutcomes, matrixOf, objectStates, readHeads, type ObjectHead } from '../../src/observe/index.ts'
import { findDeliveries } from '../delivery-log.ts'
import { observeDeps } from '../observe-deps.ts'
import { present } from './encode.ts'
import { route, type Route } from './route.ts'
import * as schemas from './schemas.ts'

const name = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[-a-z0-9.]+$/, 'must be a name')
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const number = z.coerce.number().int().min(1).max(100_000)

/** What the pages of all clusters and of deliveries show, as data. */
export const fleetRoutes: readonly Route[] = [
  route({
    path: '/api/overview',
    id: 'getOverview',
    summary: 'Applications in all clusters, what needs a human first: one page of rows, and counts of all of them',
    parameters: z.strictObject({}),
    query: z.strictObject({
      show: z.enum(['applications', 'sources']).optional(),
      state: z.enum(objectStates).optional(),
      behind: flag.optional(),
      stale: flag.optional(),
      namespace: name.optional(),
      cluster: name.optional(),
      text: z.string().min(1).max(253).optional(),
      page: number.optional(),
      columns: number.optional(),
    }),
    answer: schemas.overview,
    handle: async (deps, { query }) => {
      const { page, columns, ...filter } = query
      const matrix = matrixOf(await readHeads(observeDeps(deps)), filter, { page, columns })
      const { clusters, counts, rows } = matrix
      return {
        clusters: [...clusters],
        counts: {
          all: counts.all,
          rows: counts.applications,
          byState: { ...counts.byState },
          behind: counts.behind,
          stale: counts.stale,
        },
        rows: rows.map(({ kind, namespace, name: own, inCluster }) => ({
          kind,
          namespace,
          name: own,
          inCluster: Object.fromEntries(
            clusters.flatMap(({ cluster }) => {
              const head = inCluster.get(cluster)
              return head === undefined ? [] : [[cluster, encodeHead(head)]]
            }),
          ),
        })),
        total: matrix.total,
        page: matrix.page,
        pages: matrix.pages,
        columns: matrix.columns,
        columnPages: matrix.columnPages,
      }
    },
  }),
  route({
    path: '/api/deliveries',
    id: 'listDeliveries',
    summary: 'Webhooks that came in, newest first: whether the sender was known, and what came of them',
    parameters: z.strictObject({}),
    query: z.strictObject({
      outcome: z.enum(deliveryOutcomes).optional(),
      provider: z.string().min(1).max(253).optional(),
      limit: z.coerce.number().int().min(1).max(100).optional(),
      before: z
        .string()
        .regex(/^[0-9a-z]{10,64}$/, 'must be the `before` of an earlier page')
        .optional(),
    }),
    answer: schemas.deliveries,
    handle: async (deps, { query }) => {
      const { limit = 50, before, ...filter } = query
      const page = await findDeliveries(deps, filter, { limit, before })
      return present({
        deliveries: page.deliveries.map(
          ({ id, at, provider, receiver, deliveryId, event, ref, verified, outcome, reason, run }) =>
            present({ id, at, provider, receiver, deliveryId, event, ref, verified, outcome, reason, run }),
        ),
        before: page.next,
      })
    },
  }),
]

function encodeHead({
  state,
  since,
  revision,
  on,
  more,
  held,
  behind,
  pin,
  message,
}: ObjectHead): z.infer<typeof schemas.head> {
  return present({ state, since, revision, waitsFor: on, more, held, behind, pin, message })
}
