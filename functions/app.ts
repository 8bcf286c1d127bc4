import { Hono } from 'hono'
import { addApi } from './api/index.ts'
import { handleArtifact } from './artifacts.ts'
import { addBadges } from './badges.ts'
import { handleDeliveries } from './deliveries-list.ts'
import type { FunctionDeps } from './deps.ts'
import { handleFeed } from './feed.ts'
import { errorResponse, jsonResponse, toErrorResponse } from './http-errors.ts'
import { addIssuer } from './issuer.ts'
import { health } from './health.ts'
import { handleRun, handleRuns, handleTrigger } from './manual.ts'
import { handleMetrics } from './metrics.ts'
import { addPages } from './pages.ts'
import { handleManifestArchive, handleManifestFile } from './manifests/downloads.ts'
import { handlePlanExport } from './plans/export.ts'
import { securityHeaders } from './security-headers.ts'
import { handleWebhook } from './webhook.ts'

/** The HTTP face of a deployment, the same on every platform: `createApp(deps).fetch(request)`. */
export function createApp(deps: FunctionDeps): Hono {
  const app = new Hono()
  app.use(securityHeaders(deps.config))
  app.all('/hook/:provider', (c) => handleWebhook(deps, c.req.raw, c.req.param('provider')))
  app.post('/trigger', (c) => handleTrigger(deps, c.req.raw))
  app.get('/runs', (c) => handleRuns(deps, c.req.raw))
  app.get('/runs/:id', (c) => handleRun(deps, c.req.raw, c.req.param('id')))
  app.get('/deliveries', (c) => handleDeliveries(deps, c.req.raw))
  app.on(['GET', 'HEAD'], '/artifacts/*', (c) => handleArtifact(deps, c.req.raw))
  addApi(app, deps)
  app.get('/api/plans/:id/export', (c) => handlePlanExport(deps, c.req.raw, c.req.param('id')))
  app.get('/api/plans/:id/manifests/file', (c) => handleManifestFile(deps, c.req.raw, c.req.param('id')))
  app.get('/api/plans/:id/manifests/archive', (c) => handleManifestArchive(deps, c.req.raw, c.req.param('id')))
  addPages(app, deps)
  addBadges(app, deps)
  app.get('/feed.xml', (c) => handleFeed(deps, c.req.raw))
  addIssuer(app, deps)
  app.get('/metrics', (c) => handleMetrics(deps, c.req.raw))
  app.get('/healthz', () => jsonResponse(200, health(deps)))
  app.notFound(() => errorResponse('not-found', 'there is nothing here'))
  app.onError((error) => toErrorResponse(error, deps.logger))
  return app
}
