import { toEngineError } from '../src/base/index.ts'
import {
  isProvider,
  receivers,
  type Decoded,
  type Provider,
  type PushNotice,
  type Receiver,
} from '../src/receivers/index.ts'
import { withBody } from './body.ts'
import { acceptPush } from './deliveries.ts'
import { recordDelivery } from './delivery-log.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse, jsonResponse } from './http-errors.ts'
import { isManifestBranch } from './manifests/config.ts'
import { acceptChange } from './plans/accept.ts'
import { planTargetOf } from './plans/config.ts'
import { handleReceiverHook } from './receiver-webhook.ts'
import { verifyTools } from './verify-tools.ts'

const refused = 'the signature or token is missing or wrong'

/**
 * `POST /hook/<provider>`, and `/hook/<sha256>` of Receiver objects. The order is the defence: a provider without a secret does not exist (404), headers that prove nothing are refused
 * before the body is read (401), a body is read up to the cap (413) and the deadline (408), its signature is checked (401), and only then it
 * is parsed (400). A push is answered with 202 and the id of its run as soon as it is queued for every cluster, what is said of a pull request as soon as a look at it is queued.
 */
export async function handleWebhook(deps: FunctionDeps, request: Request, provider: string): Promise<Response> {
  if (/^[0-9a-f]{64}$/.test(provider)) return handleReceiverHook(deps, request, provider)
  const secrets = isProvider(provider) ? deps.config.webhookSecrets[provider] : undefined
  if (!isProvider(provider) || secrets === undefined || secrets.length === 0)
    return errorResponse('not-found', 'there is nothing here')
  if (request.method !== 'POST') return errorResponse('method-not-allowed', 'webhooks are sent with POST')
  // What went wrong before the sender was known is only counted.
  let verified: Pick<Decoded, 'event' | 'deliveryId'> | undefined
  try {
    const decoded = await verifyAndDecode(deps, request, provider, secrets, (facts) => (verified = facts))
    if (decoded === undefined) return unauthorized(deps, provider)
    verified = decoded
    return await act(deps, provider, decoded)
  } catch (caught) {
    const { event = '', deliveryId = '' } = verified ?? {}
    const outcome = verified === undefined ? 'refused' : 'failed'
    const reason = toEngineError(caught).message
    recordDelivery(deps, { provider, deliveryId, event, verified: verified !== undefined, outcome, reason })
    throw caught
  }
}

/** The delivery once its sender is known; undefined where it is not. `onVerified` is called in between: what goes wrong after that is the sender's. */
async function verifyAndDecode(
  deps: FunctionDeps,
  request: Request,
  provider: Provider,
  secrets: readonly string[],
  onVerified: (facts: Pick<Decoded, 'event' | 'deliveryId'>) => void,
): Promise<Decoded | undefined> {
  const receiver: Receiver = receivers[provider]
  const { headers } = request
  const tools = verifyTools(deps)
  if (!(await receiver.verifyHeaders(headers, secrets))) return undefined
  const limits = {
    maxBytes: Math.min(deps.config.bodyLimitBytes, receiver.maxBytes ?? Number.POSITIVE_INFINITY),
    timeoutMs: deps.config.bodyTimeoutMs,
    budget: deps.bodies,
    clock: deps.clock,
  }
  return withBody(request, limits, async (body): Promise<Decoded | undefined> => {
    if (!(await receiver.verifyBody(headers, body, secrets, tools))) return undefined
    onVerified({ event: '', deliveryId: '' })
    return receiver.decode(headers, body)
  })
}

async function act(deps: FunctionDeps, provider: Provider, decoded: Decoded): Promise<Response> {
  const { event, deliveryId } = decoded
  const facts = { provider, event, deliveryId, verified: true }
  const isLookedAt = await acceptChange(deps, decoded)
  const { change } = decoded
  if (isLookedAt) recordDelivery(deps, { ...facts, outcome: 'plan', reason: `pull request ${change?.number ?? ''}` })
  switch (decoded.kind) {
    case 'ping':
      recordDelivery(deps, { ...facts, outcome: 'ignored', reason: 'a ping' })
      return jsonResponse(200, { message: 'pong' })
    case 'confirmation':
      await decoded.confirm(verifyTools(deps))
      recordDelivery(deps, { ...facts, outcome: 'ignored', reason: 'the subscription was confirmed' })
      return jsonResponse(200, { message: 'confirmed' })
    case 'ignored': {
      if (isLookedAt) return jsonResponse(202, { plan: change?.number })
      const { reason, ref } = decoded
      recordDelivery(deps, { ...facts, outcome: 'ignored', reason, ...(ref === undefined ? {} : { ref }) })
      return jsonResponse(202, { ignored: reason })
    }
    case 'push':
      return push(deps, provider, decoded)
  }
}

async function push(deps: FunctionDeps, provider: Provider, decoded: Decoded & { kind: 'push' }): Promise<Response> {
  const { event, deliveryId, notices, left } = decoded
  const clusters = deps.config.clusters.map((cluster) => cluster.name)
  const runs: string[] = []
  let duplicates = 0
  for (const notice of notices) {
    if (isOwnPush(deps, provider, notice)) {
      const reason = 'the branch is written here and nothing follows it'
      recordDelivery(deps, { provider, event, deliveryId, ref: notice.ref, verified: true, outcome: 'ignored', reason })
      continue
    }
    const { runId, isDuplicate } = await acceptPush(deps, notice)
    runs.push(runId)
    if (isDuplicate) duplicates += 1
    deps.logger.log('info', 'push received', {
      run: runId,
      provider,
      delivery: deliveryId,
      ref: notice.ref,
      duplicate: isDuplicate,
    })
    recordDelivery(deps, {
      provider,
      event,
      deliveryId,
      ref: notice.ref,
      verified: true,
      outcome: isDuplicate ? 'duplicate' : 'run',
      run: runId,
      clusters,
      ...(left === undefined ? {} : { reason: left }),
    })
  }
  if (runs.length === 0) return jsonResponse(202, { ignored: 'a branch that is written here' })
  return jsonResponse(202, {
    run: runs[0],
    ...(runs.length > 1 ? { runs } : {}),
    ...(duplicates === runs.length ? { duplicate: true } : {}),
  })
}

/** Whether a push is of a branch with rendered manifests. */
function isOwnPush({ config }: FunctionDeps, provider: Provider, { urls, ref }: PushNotice): boolean {
  const rule = planTargetOf(config.plans ?? [], provider, urls)?.rule
  return ref.startsWith('refs/heads/') && isManifestBranch(rule?.manifests, ref.slice('refs/heads/'.length))
}

/** One answer for every reason, so that it teaches nothing. */
function unauthorized(deps: FunctionDeps, provider: string): Response {
  deps.logger.log('warn', 'webhook refused', { provider })
  recordDelivery(deps, { provider, deliveryId: '', event: '', verified: false, outcome: 'refused', reason: refused })
  return errorResponse('unauthorized', refused)
}
