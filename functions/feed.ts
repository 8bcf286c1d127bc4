import { z } from 'zod'
import { listRuns } from '../src/observe/index.ts'
import { atomFeed } from '../src/ui/index.ts'
import { authorizeReading } from './authorize-reading.ts'
import type { FunctionDeps } from './deps.ts'

/** Runs of one feed. */
const maxEntries = 50

const state = z.enum(['queued', 'running', 'succeeded', 'partial', 'failed'])

/**
 * `GET /feed.xml`: the newest runs that did something, as an Atom feed; `?state=failed` and `?cluster=NAME` leave out others. For whoever may read: with a bearer token, in a browser that has signed in, or
 * for everybody where reading is public. A token in the address would end up in logs and histories, so there is none. Throws EngineError `unauthorized`.
 */
export async function handleFeed(deps: FunctionDeps, request: Request): Promise<Response> {
  await authorizeReading(deps, request)
  const url = new URL(request.url)
  const filter = {
    state: state.safeParse(url.searchParams.get('state')).data,
    cluster: url.searchParams.get('cluster')?.slice(0, 253),
  }
  const { runs } = await listRuns(deps.runs, filter, { limit: maxEntries })
  const base = (deps.config.settings.publicUrl ?? url.origin).replace(/\/+$/, '')
  const parts = [filter.state, filter.cluster === undefined ? undefined : `in ${filter.cluster}`]
  const title = ['Sluice: runs', ...parts.filter((part) => part !== undefined)].join(' ')
  const body = String(await atomFeed(runs, { base, self: selfOf(filter), title, now: deps.clock.now() }))
  return new Response(body, {
    headers: {
      'content-type': 'application/atom+xml; charset=utf-8',
      'cache-control': 'private, no-store',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    },
  })
}

/** The path of the feed with what is asked of it, and nothing else that stood in the address. */
function selfOf(filter: { readonly [name: string]: string | undefined }): string {
  const known = Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const query = new URLSearchParams(known).toString()
  return query === '' ? '/feed.xml' : `/feed.xml?${query}`
}
