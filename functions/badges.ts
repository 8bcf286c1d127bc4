import type { Hono } from 'hono'
import { apiVersions } from '../src/api/index.ts'
import { findHeads, objectStates, readClusterHealth } from '../src/observe/index.ts'
import { badgeSvg } from '../src/ui/index.ts'
import { authorizeReading } from './authorize-reading.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse } from './http-errors.ts'
import { observeDeps } from './observe-deps.ts'

/** Seconds for which a badge may be shown again: those who look at a README are many. */
const keptSeconds = 60

type State = Parameters<typeof badgeSvg>[1]

interface Wanted {
  /** Of one cluster, or of all that have it. */
  readonly cluster?: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/**
 * `GET /badges/<cluster>/<kind>/<namespace>/<name>.svg`, and without the cluster for all of them: a picture with the name and the state of one application, and nothing else. For whoever may read,
 * and for everybody where `PUBLIC_BADGES` lists it. What is not known and what may not be seen get the same 404.
 */
export function addBadges(app: Hono, deps: FunctionDeps): void {
  const answer = async (request: Request, wanted: Wanted): Promise<Response> => {
    const listed = deps.config.reading.publicBadges ?? []
    const isListed = listed.some((pattern) => matchesPattern(pattern, wanted))
    const isPublic = isListed || deps.config.reading.isPublic
    if (!isPublic && !(await isReader(deps, request))) return nothingHere()
    const state = await stateOf(deps, wanted)
    if (state === undefined) return nothingHere()
    const name = wanted.cluster === undefined ? wanted.name : `${wanted.name} in ${wanted.cluster}`
    return new Response(String(await badgeSvg(name, state)), {
      headers: {
        'content-type': 'image/svg+xml',
        // What is opened by itself may do nothing.
        'content-security-policy': "default-src 'none'",
        'cache-control': isPublic ? `public, max-age=${keptSeconds}` : 'private, no-store',
        'x-content-type-options': 'nosniff',
        // Pages elsewhere are what it is made for.
        'cross-origin-resource-policy': 'cross-origin',
      },
    })
  }
  const nameOf = (file: string | undefined): string => (file ?? '').replace(/\.svg$/, '')
  app.get('/badges/:kind/:namespace/:file{[^/]+\\.svg}', (c) => {
    const { kind, namespace, file } = c.req.param()
    return answer(c.req.raw, { kind, namespace, name: nameOf(file) })
  })
  app.get('/badges/:cluster/:kind/:namespace/:file{[^/]+\\.svg}', (c) => {
    const { cluster, kind, namespace, file } = c.req.param()
    return answer(c.req.raw, { cluster, kind, namespace, name: nameOf(file) })
  })
}

function nothingHere(): Response {
  return errorResponse('not-found', 'there is nothing here')
}

async function isReader(deps: FunctionDeps, request: Request): Promise<boolean> {
  return authorizeReading(deps, request).then(
    () => true,
    () => false,
  )
}

/** Whether a pattern, `Kind/namespace/name` or `cluster/Kind/namespace/name` with `*` for any one part, is for this badge. One without a cluster is for all clusters together only. */
function matchesPattern(pattern: string, { cluster, kind, namespace, name }: Wanted): boolean {
  const wanted = cluster === undefined ? [kind, namespace, name] : [cluster, kind, namespace, name]
  const parts = pattern.split('/')
  return parts.length === wanted.length && parts.every((part, i) => part === '*' || part === wanted[i])
}

/** How something stands where it stands worst. In a cluster that is not seen nobody knows. */
async function stateOf(deps: FunctionDeps, wanted: Wanted): Promise<State | undefined> {
  const health = await readClusterHealth(observeDeps(deps))
  const clusters = health.filter(({ cluster }) => wanted.cluster === undefined || wanted.cluster === cluster)
  if (clusters.length === 0 || !Object.hasOwn(apiVersions, wanted.kind)) return undefined
  const found = await findHeads(
    deps,
    clusters.map(({ cluster }) => cluster),
    wanted,
  )
  const isStale = (name: string): boolean => clusters.find(({ cluster }) => cluster === name)?.health === 'stale'
  const states = found.map(({ cluster, head }): State => (isStale(cluster) ? 'stale' : head.state))
  return order.find((state) => states.includes(state))
}

/** What is told of several clusters: the first of these that is there. */
const order: readonly State[] = [...objectStates.filter((state) => state !== 'ready'), 'stale', 'ready']
