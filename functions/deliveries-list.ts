import { viewFor } from './access/view.ts'
import { readerOf } from './authorize-reading.ts'
import { listDeliveries } from './delivery-log.ts'
import type { FunctionDeps } from './deps.ts'
import { jsonResponse } from './http-errors.ts'
import { operatorOf } from './trigger/authorize-trigger.ts'

const maxListed = 200
const defaultListed = 50

/** `GET /deliveries` with a bearer token: webhooks that came in, newest first; `limit` and `before=<id>` (the last answer's `next`) page through them. */
export async function handleDeliveries(deps: FunctionDeps, request: Request): Promise<Response> {
  const seen = viewFor(deps, readerOf(await operatorOf(deps, request.headers)))
  const query = new URL(request.url).searchParams
  const wanted = Math.trunc(Number(query.get('limit') ?? defaultListed)) || defaultListed
  const before = query.get('before')
  const isId = before !== null && /^[0-9a-z]{10,64}$/.test(before)
  const page = await listDeliveries(seen, {
    limit: Math.min(maxListed, Math.max(1, wanted)),
    ...(isId ? { before } : {}),
  })
  return jsonResponse(200, page)
}
