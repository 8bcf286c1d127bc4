import { EngineError, sha256Hex, toBase64Url } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'
import type { FunctionDeps } from './deps.ts'
import { cookieOf, macsOf, sessionCookieOf } from './session.ts'

/** What a form of somebody without a session is bound to. */
const formCookie = '__Host-sluice-form'
/** Seconds that such a form may be open. */
const formSeconds = 3600

/**
 * What a form of ours carries in its field `csrf`, so that nobody else can send it: bound to the session's cookie and to what the form is for. Good for as long as the session.
 *
 * @param purpose what the form does, such as `suspend`; `checkCsrf` gets the same text.
 * @returns an empty text where the request has no session; that is accepted by nobody.
 */
export async function csrfToken(
  { config }: Pick<FunctionDeps, 'config'>,
  request: Request,
  purpose: string,
): Promise<string> {
  return tokenFor(config, sessionCookieOf(request.headers), purpose)
}

/** Refuses a form whose field `csrf` is not what `csrfToken` gave for this session and purpose. Throws EngineError `forbidden`. */
export async function checkCsrf(
  { config }: Pick<FunctionDeps, 'config'>,
  request: Request,
  purpose: string,
  given: string | null | undefined,
): Promise<void> {
  await checkToken(config, sessionCookieOf(request.headers), purpose, given)
}

/** The same for a form that is sent without a session: what it carries, and the `Set-Cookie` that goes with it. A second tab gets the cookie of the first. */
export async function beginForm(
  { config, random }: Pick<FunctionDeps, 'config' | 'random'>,
  request: Request,
  purpose: string,
): Promise<{ readonly csrf: string; readonly cookie: string }> {
  const had = cookieOf(request.headers, formCookie) ?? ''
  const value = /^[\w-]{32}$/.test(had) ? had : toBase64Url(random.bytes(24))
  return {
    csrf: await tokenFor(config, value, purpose),
    cookie: `${formCookie}=${value}; Path=/; Max-Age=${formSeconds}; HttpOnly; Secure; SameSite=Lax`,
  }
}

/** Refuses a form that `beginForm` has not begun in this browser. Throws EngineError `forbidden`. */
export async function checkForm(
  { config }: Pick<FunctionDeps, 'config'>,
  request: Request,
  purpose: string,
  given: string | null | undefined,
): Promise<void> {
  await checkToken(config, cookieOf(request.headers, formCookie), purpose, given)
}

async function checkToken(
  config: FunctionDeps['config'],
  cookie: string | undefined,
  purpose: string,
  given: string | null | undefined,
): Promise<void> {
  const isBound = cookie !== undefined && cookie !== ''
  const expected = isBound ? await macsOf(config, 'csrf', textOf(cookie, purpose)) : []
  if (typeof given === 'string' && given !== '' && (await matchesAnySecret(given, expected))) return
  throw new EngineError('the form is not one of this session; load the page again', { code: 'forbidden' })
}

async function tokenFor(config: FunctionDeps['config'], cookie: string | undefined, purpose: string): Promise<string> {
  if (cookie === undefined || cookie === '') return ''
  return (await macsOf(config, 'csrf', textOf(cookie, purpose)))[0] ?? ''
}

function textOf(cookie: string, purpose: string): string {
  return `${sha256Hex(cookie)}\n${purpose}`
}
