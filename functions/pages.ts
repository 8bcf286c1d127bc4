import type { Hono } from 'hono'
import { z } from 'zod'
import { isEngineError, type EngineError } from '../src/base/index.ts'
import { listRuns } from '../src/observe/index.ts'
import { commitPage, icon, liveScript, problemPage, runPage, runsPage, stylesheet } from '../src/ui/index.ts'
import { addAccessPages } from './access/pages.ts'
import { viewFor } from './access/view.ts'
import { noticeOf } from './actions/notice.ts'
import { offerFor } from './actions/offer.ts'
import { addActions } from './actions/routes.ts'
import { showApplication, showCluster, showDrift } from './application-page.ts'
import { authorizeReading, type Reader } from './authorize-reading.ts'
import { changeVersion } from './change-version.ts'
import { findCommit } from './commit-trace.ts'
import type { FunctionDeps } from './deps.ts'
import { addEvents } from './events.ts'
import { idOf, oneOf, showCommits, showDeliveries, showOverview } from './fleet-pages.ts'
import { statusOfCode } from './http-errors.ts'
import { pageResponse, redirect } from './page-response.ts'
import { showManifestChange, showManifests } from './manifests/pages.ts'
import { showPlan, showPlans } from './plans/pages.ts'
import { addSignIn } from './sign-in.ts'

type View = Parameters<typeof runPage>[0]
type Page = ReturnType<typeof runPage>
type Query = { readonly [name: string]: string }

const trigger = z.enum(['push', 'scan', 'trigger'])
const runState = z.enum(['queued', 'running', 'succeeded', 'partial', 'failed'])

async function showRuns(deps: FunctionDeps, view: View, query: Query): Promise<Page> {
  const filter = {
    trigger: oneOf(trigger, query['trigger']),
    state: oneOf(runState, query['state']),
    cluster: query['cluster']?.slice(0, 253),
    quiet: query['quiet'] === 'true',
  }
  const page = await listRuns(deps.runs, filter, { limit: 30, before: idOf(query['before']) })
  return runsPage(view, page, filter)
}

/** `deps` knows the whole run: who may not act on all of it is offered nothing. */
async function showRun(
  deps: FunctionDeps,
  seen: FunctionDeps,
  view: View,
  request: Request,
): Promise<Page | undefined> {
  const id = new URL(request.url).pathname.split('/').at(-1) ?? ''
  const run = idOf(id) === undefined ? undefined : await seen.runs.get(id)
  if (run === undefined) return undefined
  const [offer, notice] = await Promise.all([
    offerFor(seen.reader === undefined ? seen : { ...deps, reader: seen.reader }, request, { run: id }),
    noticeOf(deps, request),
  ])
  return runPage(view, run, { offer, notice })
}

/** Adds the pages, their stylesheet and the way in. Pages are shown to readers; others are led to the form where they can sign in. */
export function addPages(app: Hono, deps: FunctionDeps): void {
  const style = stylesheet()
  const script = liveScript()
  const viewOf = (reader?: Pick<Reader, 'name'>, version?: string): View => ({
    now: deps.clock.now(),
    styleUrl: style.path,
    ...(reader?.name === undefined ? {} : { user: reader.name }),
    ...(version === undefined ? {} : { live: { scriptUrl: script.path, version } }),
  })
  const page = async (
    request: Request,
    make: (view: View, deps: FunctionDeps) => Promise<Page | undefined>,
  ): Promise<Response> => {
    const reader = await authorizeReading(deps, request).catch((caught: unknown) => {
      if (isEngineError(caught) && (caught.code === 'unauthorized' || caught.code === 'login-renewal')) return caught
      throw caught
    })
    if (reader instanceof Error) return toSignIn(deps, request, reader)
    // Read before what the page shows: a change in between is one that the page has not got.
    const view = viewOf(reader, await changeVersion(deps))
    try {
      const made = await make(view, viewFor(deps, reader))
      if (made !== undefined) return await pageResponse(200, made)
      return await pageResponse(404, problemPage(view, { title: 'Not found', message: 'There is nothing here.' }))
    } catch (caught) {
      const status = isEngineError(caught) ? statusOfCode[caught.code] : undefined
      if (!isEngineError(caught) || status === undefined) throw caught
      const title = status === 404 ? 'Not found' : 'Cannot be shown'
      return await pageResponse(status, problemPage(view, { title, message: caught.message }))
    }
  }
  app.get('/', () => redirect('/ui'))
  app.get('/ui', (c) => page(c.req.raw, (view, seen) => showOverview(seen, view, c.req.query())))
  app.get('/ui/plans', (c) => page(c.req.raw, (view, seen) => showPlans(seen, view, c.req.query('before'))))
  app.get('/ui/plans/:id', (c) => page(c.req.raw, (view, seen) => showPlan(seen, view, c.req.raw, c.req.param('id'))))
  app.get('/ui/plans/:id/manifests', (c) =>
    page(c.req.raw, (view, seen) => showManifests(seen, view, c.req.param('id'))),
  )
  app.get('/ui/plans/:id/manifests/:cluster/:kind/:namespace/:name', (c) =>
    page(c.req.raw, (view, seen) => showManifestChange(seen, view, c.req.param())),
  )
  app.get('/ui/runs', (c) => page(c.req.raw, (view, seen) => showRuns(seen, view, c.req.query())))
  app.get('/ui/runs/:id', (c) => page(c.req.raw, (view, seen) => showRun(deps, seen, view, c.req.raw)))
  app.get('/ui/objects/:cluster/:kind/:namespace/:name', (c) =>
    page(c.req.raw, (view, seen) => showApplication(seen, view, c.req.raw, c.req.param())),
  )
  app.get('/ui/clusters/:cluster', (c) =>
    page(c.req.raw, (view, seen) => showCluster(seen, view, c.req.raw, c.req.param('cluster'))),
  )
  app.get('/ui/drift', (c) => page(c.req.raw, (view, seen) => showDrift(seen, view, c.req.query())))
  app.get('/ui/commits', (c) => {
    const wanted = c.req.query('commit')
    if (wanted !== undefined) return redirect(`/ui/commits/${encodeURIComponent(wanted.trim())}`)
    return page(c.req.raw, (view, seen) => showCommits(seen, view, c.req.query()))
  })
  app.get('/ui/commits/:commit', (c) =>
    page(c.req.raw, async (view, seen) => {
      const commit = c.req.param('commit')
      if (!/^[0-9a-f]{7,64}$/i.test(commit)) return undefined
      const { trace, plans } = await findCommit(seen, commit)
      return commitPage(view, trace, plans)
    }),
  )
  app.get('/ui/deliveries', (c) => page(c.req.raw, (view, seen) => showDeliveries(seen, view, c.req.query())))
  addEvents(app, deps)
  app.get('/ui/icon.svg', () => asset(icon, 'image/svg+xml', 86_400))
  app.get('/ui/:file{style\\.[0-9a-f]+\\.css}', (c) =>
    c.req.path === style.path ? asset(style.css, 'text/css; charset=utf-8', 31_536_000) : c.notFound(),
  )
  app.get('/ui/:file{live\\.[0-9a-f]+\\.js}', (c) =>
    c.req.path === script.path ? asset(script.js, 'text/javascript; charset=utf-8', 31_536_000) : c.notFound(),
  )
  addActions(app, deps, (name) => viewOf(name === undefined ? undefined : { name }))
  addAccessPages(app, deps, { viewOf: () => viewOf(), page })
  addSignIn(app, deps, () => viewOf())
}

/** Leads a browser to where it can sign in: at once to a provider that has to be asked again, for whoever is still signed in there. */
function toSignIn({ config }: FunctionDeps, request: Request, { code }: EngineError): Response {
  const { pathname, search } = new URL(request.url)
  if (code === 'unauthorized' && config.reading.isPublic && pathname === '/ui') return redirect('/ui/public')
  const place = code === 'login-renewal' ? '/ui/login' : '/ui/sign-in'
  return redirect(`${place}?next=${encodeURIComponent(pathname + search)}`)
}

/** What is the same for everybody, and says nothing. */
function asset(body: string, type: string, seconds: number): Response {
  return new Response(body, {
    headers: {
      'content-type': type,
      'cache-control': `public, max-age=${seconds}, immutable`,
      'x-content-type-options': 'nosniff',
    },
  })
}
