import type { MiddlewareHandler } from 'hono'
import type { Config } from './config.ts'

/** What every answer says to a browser, unless the answer says it otherwise: pages have a policy of their own, and what other sites may show (a badge) says so itself. */
const always: { readonly [name: string]: string } = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}
/** A year, as browsers want it. */
const httpsOnly = 'max-age=31536000'

/** Adds headers to every answer, errors included. Where the deployment is reached over https, browsers are told never to ask otherwise. */
export function securityHeaders({ settings }: Pick<Config, 'settings'>): MiddlewareHandler {
  const isHttps = settings.publicUrl?.startsWith('https:') === true
  const headers = { ...always, ...(isHttps ? { 'strict-transport-security': httpsOnly } : {}) }
  return async function addSecurityHeaders(c, next) {
    await next()
    for (const [name, value] of Object.entries(headers)) if (!c.res.headers.has(name)) c.res.headers.set(name, value)
  }
}
