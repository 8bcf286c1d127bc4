import type { Hono } from 'hono'
import { pageOf, readClusters } from '../../src/observe/index.ts'
import { actionsPage, problemPage, publicPage } from '../../src/ui/index.ts'
import { listActions } from '../action-log.ts'
import type { FunctionDeps } from '../deps.ts'
import { observeDeps } from '../observe-deps.ts'
import { pageResponse } from '../page-response.ts'
import { publicObject, publicReader } from './public.ts'
import { seesAction } from './seen-actions.ts'
import { viewFor } from './view.ts'

type View = Parameters<typeof publicPage>[0]
type Page = ReturnType<typeof publicPage>

/** How pages are made elsewhere. */
export interface PageMaker {
  /** The view of somebody who has not signed in. */
  readonly viewOf: () => View
  /** A page for those who may read, from what they may see. */
  readonly page: (
    request: Request,
    make: (view: View, seen: FunctionDeps) => Promise<Page | undefined>,
  ) => Promise<Response>
}

/** Objects on one public page, and entries on one page of actions. */
const perPage = 200
const actionsPerPage = 50

/** Adds the record of actions, and what everybody may see. */
export function addAccessPages(app: Hono, deps: FunctionDeps, { viewOf, page }: PageMaker): void {
  app.get('/ui/actions', (c) =>
    page(c.req.raw, async (view, seen) => {
      const before = /^[0-9a-z]{10,64}$/.exec(c.req.query('before') ?? '')?.[0]
      const { reader } = seen
      if (reader === undefined) return undefined
      return actionsPage(
        view,
        await listActions(seen, { limit: actionsPerPage, before }, (entry) => seesAction(reader, entry)),
      )
    }),
  )
  app.get('/ui/public', (c) => showPublic(deps, viewOf(), c.req.query('cursor')))
}

async function showPublic(deps: FunctionDeps, view: View, cursor: string | undefined): Promise<Response> {
  const reader = publicReader(deps)
  if (reader === undefined)
    return pageResponse(404, problemPage(view, { title: 'Not found', message: 'There is nothing here.' }))
  const clusters = await readClusters(observeDeps(viewFor(deps, reader)))
  const { items, cursor: next } = pageOf(clusters, {}, { limit: perPage, cursor: cursor?.slice(0, 1500) })
  return pageResponse(
    200,
    publicPage(view, {
      clusters: clusters.map(({ health }) => health.cluster),
      objects: items.map(publicObject),
      ...(next === undefined ? {} : { next }),
    }),
  )
}
