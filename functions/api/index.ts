import type { Hono } from 'hono'
import { authorizeReading } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { handleRoute, taggedResponse } from './handle.ts'
import { openApiDocument } from './openapi.ts'
import { routes } from './routes.ts'

/** Adds every route of the API, and its description. */
export function addApi(app: Hono, deps: FunctionDeps): void {
  for (const route of routes) {
    const pattern = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    app.get(pattern, (c) => handleRoute(deps, c.req.raw, route, c.req.param()))
  }
  app.get('/api/openapi.json', async (c) => {
    await authorizeReading(deps, c.req.raw)
    return taggedResponse(c.req.raw, openApiDocument(routes))
  })
}
