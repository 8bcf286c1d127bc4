import type { Hono } from 'hono'
import { discoveryPath, keySetPath, publishedMaxAgeSeconds } from '../src/identity/index.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse, jsonResponse } from './http-errors.ts'

/** What API servers fetch of an issuer: public by its nature, and only where the deployment is one. */
export function addIssuer(app: Hono, { issuer }: FunctionDeps): void {
  const headers = { 'cache-control': `public, max-age=${publishedMaxAgeSeconds}` }
  const none = (): Response =>
    errorResponse('not-found', 'this deployment issues no tokens; ISSUER_KEY makes it an issuer')
  app.get(discoveryPath, () => (issuer === undefined ? none() : jsonResponse(200, issuer.discovery(), headers)))
  app.get(keySetPath, async () => (issuer === undefined ? none() : jsonResponse(200, await issuer.keySet(), headers)))
}
