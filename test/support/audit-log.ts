import { open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../src/base/index.ts'

/** One request that the API server answered. */
export interface AuditedRequest {
  readonly verb: string
  /** `pods`, `pods/status`, `deployments.apps`; '' for a path outside the API groups. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  /** The user whose permissions counted: the impersonated one where there is one. */
  readonly user: string
  readonly userAgent: string
  readonly uri: string
  readonly code: number
}

/** Requests of a stretch of time. */
export interface RequestCounts {
  readonly total: number
  readonly requests: readonly AuditedRequest[]
  /** Number per verb, resource and user: `'patch deployments.apps admin'`. */
  readonly byKey: { readonly [key: string]: number }
  /** How many match every field given. */
  count(filter: Partial<AuditedRequest>): number
}

/** A place in the audit log, and when it was set. */
export interface AuditMark {
  readonly offset: number
  /** Milliseconds since 1970, of the machine that the server runs on, too. */
  readonly at: number
}

const fencePath = '/version?fence='
const fenceDeadlineMs = 5_000
/** At least. */
const settleMs = 50

/** Where the log is, and a request to the server that writes it. */
export interface AuditSource {
  readonly auditLogPath: string
  request(path: string): Promise<unknown>
}

/** The place in the log behind everything asked for so far. */
export async function auditMark(source: AuditSource): Promise<AuditMark> {
  const at = Date.now()
  await fence(source)
  return { offset: (await stat(source.auditLogPath)).size, at }
}

/**
 * The requests sent since `mark` (default: since the start), without the ones that the counting itself needs. The server logs
 * a request a moment after it has answered: marked requests are sent and waited for, so that everything answered before is in; one that was sent before the mark and logged late is known by its time.
 */
export async function readRequestCounts(
  source: AuditSource,
  mark: AuditMark = { offset: 0, at: 0 },
): Promise<RequestCounts> {
  await fence(source)
  const requests = (await readFrom(source.auditLogPath, mark.offset))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp) >= mark.at)
    .map(toRequest)
    .filter((request) => !request.uri.startsWith(fencePath))
  const byKey: { [key: string]: number } = {}
  for (const request of requests) {
    const key = `${request.verb} ${request.resource} ${request.user}`
    byKey[key] = (byKey[key] ?? 0) + 1
  }
  return {
    total: requests.length,
    requests,
    byKey,
    count: (filter) =>
      requests.filter((request) =>
        Object.entries(filter).every(([field, value]) => request[field as keyof AuditedRequest] === value),
      ).length,
  }
}

interface AuditEvent {
  readonly verb: string
  readonly requestURI: string
  readonly requestReceivedTimestamp: string
  readonly userAgent?: string
  readonly user?: { readonly username?: string }
  readonly impersonatedUser?: { readonly username?: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly apiGroup?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
}

function toRequest(event: AuditEvent): AuditedRequest {
  const ref = event.objectRef
  const plural = ref?.resource === undefined ? '' : `${ref.resource}${ref.apiGroup ? `.${ref.apiGroup}` : ''}`
  return {
    verb: event.verb,
    resource: ref?.subresource ? `${plural}/${ref.subresource}` : plural,
    namespace: ref?.namespace ?? '',
    name: ref?.name ?? '',
    user: event.impersonatedUser?.username ?? event.user?.username ?? '',
    userAgent: event.userAgent ?? '',
    uri: event.requestURI,
    code: event.responseStatus?.code ?? 0,
  }
}

/**
 * Waits until everything answered so far is in the log. The server writes the entry of a request a moment after its answer, and that moment may be longer than a whole later request takes:
 * a second mark is set a little later, the later the more the machine has to do.
 */
async function fence(source: AuditSource): Promise<void> {
  const started = Date.now()
  await awaitMark(source)
  await sleep(Math.max(settleMs, Date.now() - started))
  await awaitMark(source)
}

async function awaitMark(source: AuditSource): Promise<void> {
  const id = `${process.pid}-${process.hrtime.bigint()}`
  const from = (await stat(source.auditLogPath)).size
  await source.request(`${fencePath}${id}`)
  const started = Date.now()
  while (!(await readFrom(source.auditLogPath, from)).includes(`${fencePath}${id}`)) {
    if (Date.now() - started > fenceDeadlineMs) {
      throw new EngineError('the API server does not write its audit log', { code: 'audit-log-silent' })
    }
    await sleep(10)
  }
}

/** Whole lines behind a place in the log. A place may be in the middle of a line that was being written then: that one belongs to what was before it. Exported for a test. */
export async function readFrom(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size < offset)
      throw new EngineError('the API server has begun another audit log', { code: 'audit-log-rotated' })
    const start = Math.max(0, offset - 1)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    await file.read(buffer, 0, buffer.length, start)
    const first = offset === 0 ? 0 : buffer.indexOf('\n') + 1
    if (offset > 0 && first === 0) return ''
    // A line that is still being written is not counted yet.
    return buffer.subarray(first, Math.max(first, buffer.lastIndexOf('\n') + 1)).toString('utf8')
  } finally {
    await file.close()
  }
}
