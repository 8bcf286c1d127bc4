import type { z } from 'zod'
import { EngineError, sha256Hex } from '../../src/base/index.ts'
import { viewFor } from '../access/view.ts'
import { publicReader } from '../access/public.ts'
import { authorizeReading, type Reader } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { jsonResponse } from '../http-errors.ts'
import type { Route } from './route.ts'

/** Most of what a message repeats of a request. */
const maxFindings = 10

/**
 * Answers a route to whoever may read, from what they may see. Kept by the browser that asked, and compared by its ETag each time. Throws EngineError `unauthorized`, `request-invalid` and
 * what the route throws.
 */
export async function handleRoute(
  deps: FunctionDeps,
  request: Request,
  route: Route,
  parameters: { readonly [name: string]: string },
): Promise<Response> {
  const reader = route.isPublic === true ? await everybody(deps, request) : await authorizeReading(deps, request)
  const path = parse(route.parameters, parameters)
  const query = parse(route.query, queryOf(request))
  return taggedResponse(request, await route.handle(viewFor(deps, reader), { path, query }))
}

/** Where nothing is shown to everybody, strangers learn nothing, and readers that there is nothing. */
async function everybody(deps: FunctionDeps, request: Request): Promise<Reader> {
  const reader = publicReader(deps)
  if (reader !== undefined) return reader
  await authorizeReading(deps, request)
  throw new EngineError('nothing is shown to everybody here', { code: 'not-found' })
}

/** A JSON answer with an ETag, or 304 where the asker has it already. */
export function taggedResponse(request: Request, body: unknown): Response {
  const etag = `"${sha256Hex(JSON.stringify(body)).slice(0, 32)}"`
  const headers = { etag, 'cache-control': 'private, no-cache', vary: 'authorization, cookie' }
  const known = request.headers.get('if-none-match')?.split(',') ?? []
  if (known.some((tag) => tag.trim().replace(/^W\//, '') === etag)) return new Response(null, { status: 304, headers })
  return jsonResponse(200, body, headers)
}

/** Parameters of the URL; one that is given twice is refused. */
function queryOf(request: Request): { readonly [name: string]: string } {
  const { searchParams } = new URL(request.url)
  const twice = [...searchParams.keys()].find((name) => searchParams.getAll(name).length > 1)
  if (twice !== undefined) throw new EngineError(`${twice.slice(0, 50)} is given twice`, { code: 'request-invalid' })
  return Object.fromEntries(searchParams)
}

function parse(schema: z.ZodObject, value: unknown): object {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const findings = result.error.issues
    .slice(0, maxFindings)
    .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
  throw new EngineError(findings.join('\n').slice(0, 2000), { code: 'request-invalid' })
}
