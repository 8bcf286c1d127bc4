import { EngineError, isEngineError, sha256Hex, toBase64Url } from '../../src/base/index.ts'
import { isEqualConstantTime } from '../../src/receivers/index.ts'
import { recordAction } from '../action-log.ts'
import type { FunctionDeps } from '../deps.ts'
import { redirect, safeNext } from '../page-response.ts'
import { cookieOf, loginCookieOf, open, seal, sessionSeconds, type LoginSession } from '../session.ts'

/** Keeps what belongs to one login in the browser that began it. */
const flowCookie = '__Host-sluice-login'
/** Seconds that a login may take. */
const flowSeconds = 600

/** One login under way, as the browser keeps it for us, sealed. */
export interface LoginFlow {
  /** Id of the login: an answer at the way back of another one is refused. */
  readonly login: string
  readonly state: string
  /** For the ID token of OpenID Connect. */
  readonly nonce: string
  readonly verifier: string
  readonly next: string
}

/** What a login ends with where it is refused. */
export type RefuseLogin = (request: Request, message: string) => Promise<Response>

/**
 * Begins a login: leads the browser to where one signs in, with a state and a challenge (PKCE, RFC 7636) that only this browser can answer for.
 *
 * @param parameters those of this login besides; undefined ones are left out.
 */
export async function beginFlow(
  deps: FunctionDeps,
  login: string,
  next: string,
  place: {
    readonly authorize: string
    readonly clientId: string
    readonly redirectUri: string
    readonly scope: string | undefined
    readonly hasNonce: boolean
  },
): Promise<Response> {
  const random = (): string => toBase64Url(deps.random.bytes(32))
  const flow: LoginFlow = { login, state: random(), nonce: random(), verifier: random(), next: safeNext(next) }
  const url = new URL(place.authorize)
  const parameters = {
    response_type: 'code',
    client_id: place.clientId,
    redirect_uri: place.redirectUri,
    scope: place.scope,
    state: flow.state,
    nonce: place.hasNonce ? flow.nonce : undefined,
    code_challenge: await challengeOf(flow.verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value)
  const sealed = await seal(deps.config, 'login', { ...flow, expiresAt: seconds(deps) + flowSeconds })
  return redirect(url.href, { 'set-cookie': `${flowCookie}=${sealed}; ${attributes(flowSeconds)}` })
}

/**
 * The login that an answer at the way back belongs to, and its code. Each counts once, in the browser that began it, at the login that it was begun at.
 *
 * @param isIssuer whether an answer's `iss` (RFC 9207), where there is one, is that of this login.
 * @throws EngineError `login-refused`.
 */
export async function endFlow(
  deps: FunctionDeps,
  request: Request,
  expected: { readonly login: string; readonly isIssuer: (iss: string) => boolean },
): Promise<{ readonly flow: LoginFlow; readonly code: string }> {
  const { searchParams } = new URL(request.url)
  const flow = await readFlow(deps, request)
  if (flow.login !== expected.login) throw refused('it was begun at another login; begin again')
  if (!(await isEqualConstantTime(searchParams.get('state') ?? '', flow.state)))
    throw refused('it was begun elsewhere; begin again')
  const iss = searchParams.get('iss')
  // Another provider must not be able to pass for this one.
  if (iss !== null && !expected.isIssuer(iss)) throw refused('the answer is of another provider')
  const code = searchParams.get('code')
  if (code === null || code === '' || code.length > 4096) throw refused('the provider gave no code')
  const ttl = { ttlSeconds: flowSeconds + 60 }
  if (!(await deps.state.putIfAbsent(`login-states/${sha256Hex(flow.state)}`, true, ttl)))
    throw refused('it was ended before; begin again')
  return { flow, code }
}

/** Gives the browser its session, and leads it on. Throws EngineError `login-refused` where what has to be kept is too much for a cookie. */
export async function finishLogin(
  deps: FunctionDeps,
  flow: LoginFlow,
  who: Pick<LoginSession, 'name' | 'identity'>,
): Promise<Response> {
  const now = seconds(deps)
  const name = who.name.slice(0, 200)
  const session: LoginSession = {
    how: 'login',
    name,
    expiresAt: now + sessionSeconds,
    provenAt: now,
    identity: who.identity,
  }
  const cookie = await loginCookieOf(deps.config, session)
  if (cookie === undefined) throw refused('you are in too many groups that the rules of access name')
  deps.logger.log('info', 'signed in', { login: flow.login, subject: who.identity.user.slice(0, 200) })
  recordAction(deps, { actor: name, how: 'login', action: 'sign-in', reason: flow.login, outcome: 'done' })
  const answer = redirect(safeNext(flow.next), { 'set-cookie': cookie })
  answer.headers.append('set-cookie', `${flowCookie}=; ${attributes(0)}`)
  return answer
}

/** Answers a refused login with a page that says why. The record says it too; of who it was nothing is known that could be believed. */
export async function guardLogin(
  deps: FunctionDeps,
  login: string,
  request: Request,
  { work, onRefused }: { readonly work: () => Promise<Response>; readonly onRefused: RefuseLogin },
): Promise<Response> {
  try {
    return await work()
  } catch (caught) {
    if (!isEngineError(caught) || !caught.code.startsWith('login-')) throw caught
    deps.logger.log('warn', 'login failed', { login, code: caught.code, error: caught.message })
    if (caught.code === 'login-refused')
      recordAction(deps, {
        actor: typeof caught.data['who'] === 'string' ? caught.data['who'] : 'unknown',
        how: 'login',
        action: 'sign-in',
        reason: `${login}: ${caught.message}`,
        outcome: 'refused',
      })
    const answer = await onRefused(request, caught.message)
    answer.headers.append('set-cookie', `${flowCookie}=; ${attributes(0)}`)
    return answer
  }
}

async function readFlow(deps: FunctionDeps, request: Request): Promise<LoginFlow> {
  const cookie = cookieOf(request.headers, flowCookie)
  const opened = cookie === undefined ? undefined : await open(deps.config, 'login', cookie)
  const { login, state, nonce, verifier, next, expiresAt } = opened ?? {}
  const texts = [login, state, nonce, verifier, next]
  if (!texts.every((text) => typeof text === 'string') || typeof expiresAt !== 'number')
    throw refused('it was begun in another browser, or too long ago; begin again')
  if (expiresAt <= seconds(deps)) throw refused('it took too long; begin again')
  return { login, state, nonce, verifier, next } as LoginFlow
}

/** The error of a login that is not let through. `who` goes into the record where a provider has named somebody. */
export function refused(why: string, who?: string): EngineError {
  return new EngineError(`the login was refused: ${why}`, {
    code: 'login-refused',
    ...(who === undefined ? {} : { data: { who: who.slice(0, 200) } }),
  })
}

function attributes(maxAge: number): string {
  return `Path=/; Max-Age=${maxAge}; HttpOnly; Secure; SameSite=Lax`
}

async function challengeOf(verifier: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

function seconds({ clock }: FunctionDeps): number {
  return Math.floor(clock.now() / 1000)
}
