import { receivers, isProvider, type Decoded } from '../src/receivers/index.ts'
import { withBody } from './body.ts'
import { acceptPush } from './deliveries.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse, jsonResponse } from './http-errors.ts'

/**
 * `POST /hook/<provider>`. The order is the defence: a provider without a secret does not exist (404), headers that prove nothing are refused
 * before the body is read (401), a body is read up to the cap (413) and the deadline (408), its signature is checked (401), and only then it
 * is parsed (400). A push is answered with 202 and the id of its run as soon as it is queued for every cluster.
 */
export async function handleWebhook(deps: FunctionDeps, request: Request, provider: string): Promise<Response> {
  const secrets = isProvider(provider) ? deps.config.webhookSecrets[provider] : undefined
  if (!isProvider(provider) || secrets === undefined || secrets.length === 0)
    return errorResponse('not-found', 'there is nothing here')
  if (request.method !== 'POST') return errorResponse('method-not-allowed', 'webhooks are sent with POST')
  const receiver = receivers[provider]
  const { headers } = request
  if (!(await receiver.verifyHeaders(headers, secrets))) return unauthorized(deps, provider)
  const limits = {
    maxBytes: deps.config.bodyLimitBytes,
    timeoutMs: deps.config.bodyTimeoutMs,
    budget: deps.bodies,
    clock: deps.clock,
  }
  const decoded = await withBody(request, limits, async (body): Promise<Decoded | undefined> =>
    (await receiver.verifyBody(headers, body, secrets)) ? receiver.decode(headers, body) : undefined,
  )
  if (decoded === undefined) return unauthorized(deps, provider)
  switch (decoded.kind) {
    case 'ping':
      return jsonResponse(200, { message: 'pong' })
    case 'ignored':
      return jsonResponse(202, { ignored: decoded.reason })
    case 'push': {
      const { runId, isDuplicate } = await acceptPush(deps, decoded.notice)
      deps.logger.log('info', 'push received', {
        run: runId,
        provider,
        delivery: decoded.notice.deliveryId,
        ref: decoded.notice.ref,
        duplicate: isDuplicate,
      })
      return jsonResponse(202, { run: runId, ...(isDuplicate ? { duplicate: true } : {}) })
    }
  }
}

/** One answer for every reason, so that it teaches nothing. */
function unauthorized(deps: FunctionDeps, provider: string): Response {
  deps.logger.log('warn', 'webhook refused', { provider })
  return errorResponse('unauthorized', 'the signature or token is missing or wrong')
}
