import { EngineError } from '../src/base/index.ts'
import { authorize } from './authorize.ts'
import type { FunctionDeps } from './deps.ts'
import { readingTokens, sessionOf } from './session.ts'

/** Who reads. */
export interface Reader {
  readonly how: 'token' | 'session' | 'public'
  readonly name?: string
}

/**
 * Lets in whoever may read: the bearer of a read or trigger token, somebody who has signed in, and everybody where the configuration says so. Throws EngineError
 * `unauthorized`.
 */
export async function authorizeReading(
  deps: Pick<FunctionDeps, 'config' | 'clock'>,
  request: Request,
): Promise<Reader> {
  const { config, clock } = deps
  const session = await sessionOf(config, request.headers, clock.now())
  if (session !== undefined) return { how: 'session', name: session.name }
  if (config.reading.isPublic) return { how: 'public' }
  await authorize(request.headers, readingTokens(config))
  return { how: 'token' }
}

/** Lets in whoever may read, and the bearer of a metrics token. Throws EngineError `unauthorized`. */
export async function authorizeMetrics(deps: Pick<FunctionDeps, 'config' | 'clock'>, request: Request): Promise<void> {
  const { reading } = deps.config
  if (reading.isPublic) return
  await authorize(request.headers, [...reading.metricsTokens, ...readingTokens(deps.config)])
}

/**
 * Refuses a form that another site's page has sent: its browser says where it comes from. Throws EngineError `forbidden`.
 */
export function checkSameOrigin(request: Request): void {
  const origin = request.headers.get('origin')
  const host = request.headers.get('host') ?? new URL(request.url).host
  const isSame =
    origin === null
      ? request.headers.get('sec-fetch-site') === 'same-origin'
      : URL.canParse(origin) && new URL(origin).host === host
  if (isSame) return
  throw new EngineError('the form was sent from another site', { code: 'forbidden' })
}
