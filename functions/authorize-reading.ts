import { EngineError, isEngineError } from '../src/base/index.ts'
import { visitorOf, type Visitor } from './access/principal.ts'
import { authorize } from './authorize.ts'
import type { FunctionDeps } from './deps.ts'

/** What may be looked at: an object; with a kind and name left out, a namespace; with the namespace left out too, anything of a cluster. */
export interface SeenTarget {
  readonly cluster: string
  readonly namespace?: string
  readonly kind?: string
  readonly name?: string
}

/** Who reads, and what of all that is known. */
export interface Reader extends Pick<Visitor, 'mayDo' | 'hasRole'> {
  readonly how: 'token' | 'session'
  /** Who has signed in. */
  readonly name?: string
  /** Nothing is kept from this reader. */
  readonly seesAll: boolean
  /** Whether a reader may see this, or, of a cluster, anything in it. What may not be seen is not there: it is left out of lists, and 404. */
  readonly maySee: (target: SeenTarget) => boolean
  /** Whether nothing of a cluster is kept from this reader: its errors and its credential are only for those. */
  readonly seesWhole: (cluster: string) => boolean
}

/**
 * Lets in whoever may read something: the bearer of a token, and somebody who has signed in. What is shown to everybody (`PUBLIC_READ`) has places of its own; nobody else comes in here.
 *
 * @throws EngineError `unauthorized`; `login-renewal` where a login has to be asked again; `login-unavailable`.
 */
export async function authorizeReading(deps: FunctionDeps, request: Request): Promise<Reader> {
  const visitor = await visitorOf(deps, request)
  if (visitor === undefined)
    throw new EngineError('a bearer token is required: Authorization: Bearer <token>', { code: 'unauthorized' })
  return readerOf(visitor)
}

/** What a visitor may see. */
export function readerOf(visitor: Visitor): Reader {
  return {
    how: visitor.how,
    ...(visitor.how === 'session' ? { name: visitor.name } : {}),
    seesAll: visitor.maySee('everything'),
    mayDo: visitor.mayDo,
    hasRole: visitor.hasRole,
    seesWhole: (cluster) => visitor.maySee({ cluster }),
    maySee: ({ cluster, namespace, kind, name }) =>
      namespace === undefined
        ? visitor.maySeePartOf(cluster)
        : visitor.maySee({
            cluster,
            namespace,
            ...(kind === undefined ? {} : { kind }),
            ...(name === undefined ? {} : { name }),
          }),
  }
}

/** Lets in whoever may see everything, and the bearer of a metrics token. Throws EngineError `unauthorized`. */
export async function authorizeMetrics(deps: FunctionDeps, request: Request): Promise<void> {
  const visitor = await visitorOf(deps, request).catch((caught: unknown) => {
    if (isEngineError(caught) && caught.code.startsWith('login-')) return undefined
    throw caught
  })
  if (visitor?.maySee('everything') === true) return
  await authorize(request.headers, deps.config.reading.metricsTokens)
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
