import { isEngineError, mapLimit, toEngineError } from '../src/base/index.ts'
import type { KubeClient } from '../src/kube/index.ts'
import { findHooks, openReceiver, type HookEntry, type OpenReceiver } from '../src/reconcile/index.ts'
import { hookTypeOf, refuse, verifyOidcToken, type VerifiedDelivery, type VerifyTools } from '../src/receivers/index.ts'
import { withBody } from './body.ts'
import { clusterClient } from './cluster-client.ts'
import { recordDelivery } from './delivery-log.ts'
import type { FunctionDeps } from './deps.ts'
import { toErrorResponse } from './http-errors.ts'
import { wakeReceivers } from './receiver-wake.ts'
import { verifyTools } from './verify-tools.ts'

/** Largest body (notification-controller 1.9). */
const maxBodyBytes = 3 * 1024 * 1024
/** Longest time for one request to a cluster: senders wait about ten seconds. */
const requestTimeoutMs = 8_000
const totalTimeoutMs = 25_000
const concurrency = 8

/** A Receiver that a delivery is for, with the client of its cluster. */
export interface HookTarget extends OpenReceiver {
  readonly client: KubeClient
}

/**
 * `/hook/<sha256>`: the path of Receiver objects, of one cluster or several. The index says whose it is, so that an unknown path costs one read of the state store; then the Receiver
 * and its Secret are read from the cluster, headers are judged before the body is read, and the body before it is parsed.
 *
 * Answers are those of notification-controller 1.9 without a body: 404 unknown path, 503 suspended or not ready, 413 too large, 400 not authentic or not allowed, 500 where a
 * resource could not be woken, 200. Besides these 408 for a body that does not come, and 503 where a cluster, an issuer, the queue or the state store does not answer, so that the sender tries again.
 */
export async function handleReceiverHook(deps: FunctionDeps, request: Request, digest: string): Promise<Response> {
  const path = `/hook/${digest}`
  const { pathname, search } = new URL(request.url)
  if (pathname !== path || search !== '') return answer(404)
  const who = { provider: 'receiver', receiver: '' }
  let isVerified = false
  try {
    const found = await findHooks(deps.state, path)
    const entries = found.filter((entry) => deps.config.clusters.some(({ name }) => name === entry.cluster))
    const [first] = entries
    if (first === undefined) return answer(404)
    who.receiver = `${first.namespace}/${first.name}`
    const tools = verifyTools(deps)
    await judgeGuessable(request, entries, tools)
    const { targets, failed, isUnavailable } = await openAll(deps, entries, path)
    const [target] = targets
    if (target === undefined) return answer(failed ? 503 : isUnavailable ? 503 : 404)
    who.provider = target.receiver.spec.type
    const limits = {
      maxBytes: Math.min(maxBodyBytes, deps.config.bodyLimitBytes),
      timeoutMs: deps.config.bodyTimeoutMs,
      budget: deps.bodies,
      clock: deps.clock,
    }
    const proven = await authentic(targets, (one) => verifyHeaders(one, request, tools))
    return await withBody(request, limits, async (body) => {
      const verified = await authentic(
        proven.map(({ target: one }) => one),
        (one) => verify(one, request, body, tools),
      )
      isVerified = true
      const isWoken = await wakeReceivers(deps, { path, targets: verified, request, body, isComplete: !failed })
      return answer(failed ? 503 : isWoken ? 200 : 500)
    })
  } catch (caught) {
    return fail(deps, who, isVerified, caught)
  }
}

function fail(
  deps: FunctionDeps,
  who: { readonly provider: string; readonly receiver: string },
  verified: boolean,
  caught: unknown,
): Response {
  const error = toEngineError(caught)
  if (who.receiver !== '') {
    const outcome = verified ? 'failed' : 'refused'
    recordDelivery(deps, { ...who, deliveryId: '', event: '', verified, outcome, reason: error.message })
  }
  const isRefused =
    error.code === 'delivery-refused' || error.code === 'issuer-invalid' || error.code === 'egress-refused'
  if (isRefused) {
    deps.logger.log('warn', 'delivery refused', { ...who, reason: error.message.slice(0, 300) })
    return answer(400)
  }
  const { status, headers } = toErrorResponse(caught, deps.logger)
  const isTransient = isEngineError(caught) && caught.disposition === 'retry'
  const known = status === 500 && isTransient ? 503 : status
  return new Response(null, {
    status: known,
    headers: { ...bare, ...(headers.get('connection') === null ? {} : { connection: 'close' }) },
  })
}

const bare = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

function answer(status: number): Response {
  return new Response(null, { status, headers: bare })
}

/** Paths of `generic-oidc` can be computed by anybody: their token is verified with what the index says before a cluster is asked anything. */
async function judgeGuessable(request: Request, entries: readonly HookEntry[], tools: VerifyTools): Promise<void> {
  const issuers = entries.flatMap((entry) => entry.issuers ?? [])
  if (entries.every((entry) => entry.issuers !== undefined)) await verifyOidcToken(request.headers, issuers, tools)
}

interface Opened {
  readonly targets: readonly HookTarget[]
  /** A cluster did not answer. */
  readonly failed: boolean
  readonly isUnavailable: boolean
}

async function openAll(deps: FunctionDeps, entries: readonly HookEntry[], path: string): Promise<Opened> {
  const signal = AbortSignal.timeout(totalTimeoutMs)
  const results = await mapLimit(entries, concurrency, async (entry) => {
    try {
      const client = await clusterClient(deps, entry.cluster, { requestTimeoutMs })
      const opened = client === undefined ? 'gone' : await openReceiver(client, entry, path, signal)
      return typeof opened === 'string' || client === undefined ? opened : { ...opened, client }
    } catch (caught) {
      const { code, message } = toEngineError(caught)
      deps.logger.log('warn', 'Receiver cannot be read', { cluster: entry.cluster, code, error: message })
      return 'failed' as const
    }
  })
  return {
    targets: results.filter((result) => typeof result === 'object' && 'client' in result),
    failed: results.includes('failed'),
    isUnavailable: results.includes('unavailable'),
  }
}

/** What `check` answers for each target; those who refuse are left out. Throws the first refusal where all do. */
async function authentic<T extends object | void>(
  targets: readonly HookTarget[],
  check: (target: HookTarget) => Promise<T>,
): Promise<readonly { readonly target: HookTarget; readonly result: T }[]> {
  const found: { readonly target: HookTarget; readonly result: T }[] = []
  let refusal: unknown
  for (const target of targets) {
    try {
      found.push({ target, result: await check(target) })
    } catch (caught) {
      refusal ??= caught
    }
  }
  if (found.length === 0) throw refusal
  return found
}

async function verifyHeaders({ receiver, access }: HookTarget, request: Request, tools: VerifyTools): Promise<void> {
  const type = hookTypeOf(receiver.spec.type)
  if (type === undefined) throw refuse(`receivers of type ${receiver.spec.type} are not supported`)
  await type.verifyHeaders?.(request.headers, access, tools)
}

async function verify(
  { receiver, access }: HookTarget,
  request: Request,
  body: Uint8Array,
  tools: VerifyTools,
): Promise<VerifiedDelivery> {
  const type = hookTypeOf(receiver.spec.type)
  if (type === undefined) throw refuse(`receivers of type ${receiver.spec.type} are not supported`)
  const delivery = await type.verify({ headers: request.headers, body }, access, tools)
  const { events = [] } = receiver.spec
  const isAllowed = events.some((event) => event.toLowerCase() === delivery.event.toLowerCase())
  if (type.hasEvents && events.length > 0 && !isAllowed) throw refuse(`the event "${delivery.event}" is not authorised`)
  return delivery
}
