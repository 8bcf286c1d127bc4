import type { Hono } from 'hono'
import { EngineError } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'
import { signInPage } from '../src/ui/index.ts'
import { checkSameOrigin } from './authorize-reading.ts'
import { withBody } from './body.ts'
import type { FunctionDeps } from './deps.ts'
import { addLogin } from './oidc/login.ts'
import { pageResponse, redirect, safeNext } from './page-response.ts'
import { endedCookie, readingTokens, sessionCookie, sessionSeconds } from './session.ts'

type View = Parameters<typeof signInPage>[0]

/** A token and a path fit in. */
const maxFormBytes = 8 * 1024

/** Adds the form that takes a token and gives a cookie, and the end of the session. Forms of other sites are refused. */
export function addSignIn(app: Hono, deps: FunctionDeps, viewOf: () => View): void {
  const { config } = deps
  const { oidc } = config.reading
  const form = (status: number, next: string, problem?: string): Promise<Response> =>
    pageResponse(
      status,
      signInPage(viewOf(), {
        next,
        hasTokens: readingTokens(config).length > 0,
        ...(oidc === undefined ? {} : { login: oidc.name }),
        ...(problem === undefined ? {} : { problem }),
      }),
    )
  if (oidc !== undefined) addLogin(app, deps, oidc, (message) => form(403, '/ui', message))
  app.get('/ui/sign-in', (c) => form(200, safeNext(c.req.query('next'))))
  app.post('/ui/sign-in', async (c) => {
    const request = c.req.raw
    checkSameOrigin(request)
    const fields = await readForm(deps, request)
    const next = safeNext(fields.get('next'))
    const token = (fields.get('token') ?? '').trim()
    if (token === '' || !(await matchesAnySecret(token, readingTokens(config)))) {
      deps.logger.log('warn', 'sign-in refused', {})
      return form(401, next, 'This token is not one that may read.')
    }
    const expiresAt = Math.floor(deps.clock.now() / 1000) + sessionSeconds
    const cookie = await sessionCookie(config, { how: 'token', name: 'token', expiresAt }, token)
    return redirect(next, { 'set-cookie': cookie })
  })
  app.post('/ui/sign-out', (c) => {
    checkSameOrigin(c.req.raw)
    return redirect('/ui/sign-in', { 'set-cookie': endedCookie })
  })
}

/** The fields of a form, of at most `maxBytes`. Throws EngineError `request-invalid`, `body-too-large`. */
export async function readForm(
  deps: FunctionDeps,
  request: Request,
  maxBytes = maxFormBytes,
): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? ''))
    throw new EngineError('the form must be sent as application/x-www-form-urlencoded', { code: 'request-invalid' })
  const limits = {
    maxBytes,
    timeoutMs: deps.config.bodyTimeoutMs,
    budget: deps.bodies,
    clock: deps.clock,
  }
  return withBody(request, limits, (body) => Promise.resolve(new URLSearchParams(new TextDecoder().decode(body))))
}
