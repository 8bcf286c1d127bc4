import type { Hono } from 'hono'
import { EngineError, isEngineError } from '../src/base/index.ts'
import { signInPage } from '../src/ui/index.ts'
import { recordAction } from './action-log.ts'
import { checkSameOrigin } from './authorize-reading.ts'
import { withBody } from './body.ts'
import { beginForm, checkForm } from './csrf.ts'
import type { FunctionDeps } from './deps.ts'
import { addressOf, takeAttempt } from './login/attempts.ts'
import { addForgeLogin } from './login/forge-login.ts'
import { addLogin } from './oidc/login.ts'
import { pageResponse, redirect, safeNext } from './page-response.ts'
import { endedCookie, findToken, knownTokens, sessionOf, sessionSeconds, tokenCookieOf } from './session.ts'

type View = Parameters<typeof signInPage>[0]
type Form = (request: Request, status: number, next: string, problem?: string) => Promise<Response>

/** A token and a path fit in. */
const maxFormBytes = 8 * 1024
const purpose = 'sign-in'

/** Adds the form that takes a token and gives a cookie, the logins, and the end of the session. Forms of other sites are refused. */
export function addSignIn(app: Hono, deps: FunctionDeps, viewOf: () => View): void {
  const form = formOf(deps, viewOf)
  const { oidc, logins = [] } = deps.config.reading
  const refuse = (request: Request, message: string): Promise<Response> => form(request, 403, '/ui', message)
  if (oidc !== undefined) addLogin(app, deps, oidc, refuse)
  for (const login of logins) addForgeLogin(app, deps, login, refuse)
  app.get('/ui/sign-in', (c) => form(c.req.raw, 200, safeNext(c.req.query('next'))))
  app.post('/ui/sign-in', (c) => signIn(deps, c.req.raw, form, addressOf(c.req.raw, c.env)))
  app.post('/ui/sign-out', async (c) => {
    checkSameOrigin(c.req.raw)
    const session = await sessionOf(deps.config, c.req.raw.headers, deps.clock.now())
    if (session !== undefined)
      recordAction(deps, { actor: session.name, how: 'session', action: 'sign-out', outcome: 'done' })
    return redirect('/ui/sign-in', { 'set-cookie': endedCookie })
  })
}

async function signIn(
  deps: FunctionDeps,
  request: Request,
  form: Form,
  address: string | undefined,
): Promise<Response> {
  checkSameOrigin(request)
  const fields = await readForm(deps, request)
  await checkForm(deps, request, purpose, fields.get('csrf'))
  const next = safeNext(fields.get('next'))
  const given = (fields.get('token') ?? '').trim()
  const record = (actor: string, outcome: 'done' | 'refused', reason: string): void =>
    recordAction(deps, { actor, how: 'form', action: 'sign-in', outcome, reason })
  try {
    const attempt = await takeAttempt(deps, address)
    const now = deps.clock.now()
    const token = await findToken(deps.config, given, now)
    if (token === undefined) {
      deps.logger.log('warn', 'sign-in refused', {})
      record('unknown', 'refused', 'token: not one that may read')
      return await form(request, 401, next, 'This token is not one that may read.')
    }
    await attempt.succeeded()
    record(token.name, 'done', 'token')
    const cookie = await tokenCookieOf(deps.config, token.token, Math.floor(now / 1000) + sessionSeconds)
    return redirect(next, { 'set-cookie': cookie })
  } catch (caught) {
    if (!isEngineError(caught) || caught.code !== 'too-many-attempts') throw caught
    deps.logger.log('warn', 'sign-in refused', { code: caught.code })
    record('unknown', 'refused', 'token: too many attempts')
    const answer = await form(request, 429, next, 'Too many attempts to sign in. Wait for some minutes.')
    answer.headers.set('retry-after', String(Math.ceil((caught.retryAfterMs ?? 60_000) / 1000)))
    return answer
  }
}

function formOf(deps: FunctionDeps, viewOf: () => View): Form {
  const { config } = deps
  const { oidc, logins = [], isPublic } = config.reading
  const to = (id: string, next: string): string => `/ui/login${id}?next=${encodeURIComponent(next)}`
  return async (request, status, next, problem) => {
    const { csrf, cookie } = await beginForm(deps, request, purpose)
    const page = signInPage(viewOf(), {
      next,
      csrf,
      hasTokens: knownTokens(config).length > 0,
      isPublic,
      logins: [
        ...(oidc === undefined ? [] : [{ name: oidc.name, href: to('', next) }]),
        ...logins.map(({ id, name }) => ({ name, href: to(`/${id}`, next) })),
      ],
      ...(problem === undefined ? {} : { problem }),
    })
    return pageResponse(status, page, { 'set-cookie': cookie })
  }
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
