import { isFinal, type Run, type StoredRecord } from '../../src/coordinator/index.ts'
import type { NodeRecord } from '../../src/reconcile/index.ts'
import type { FunctionDeps } from '../deps.ts'

/** One line of a run's progress. */
export type RunProgress =
  | { readonly type: 'accepted'; readonly run: string; readonly clusters: readonly string[] }
  | { readonly type: 'cluster'; readonly cluster: string; readonly state: string; readonly message?: string }
  | {
      readonly type: 'node'
      readonly cluster: string
      readonly node: Omit<NodeRecord, 'changes' | 'timings'> & { readonly changed: number }
    }
  /** Says that the connection is meant to be open. */
  | { readonly type: 'waiting' }
  | { readonly type: 'end'; readonly run: Run }
  | { readonly type: 'timeout'; readonly run: string; readonly state: string; readonly message: string }

/** Silence after which somebody in between might close the connection. */
const heartbeatMs = 15_000

/** Whether nothing more happens to the run. */
export function isFinished(run: Run): boolean {
  return run.records.every(isFinal)
}

/**
 * A run as it goes: what changes of its clusters and nodes, then `end`; or `timeout` when the time is up, after which it goes on unseen. Reads the state
 * store only, half a second apart at most.
 */
export async function* followRun(deps: FunctionDeps, id: string, timeoutMs: number): AsyncGenerator<RunProgress> {
  const deadline = deps.clock.now() + timeoutMs
  const seen = new Map<string, string>()
  let quietSince = deps.clock.now()
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const run = await deps.runs.get(id)
    for (const record of run?.records ?? []) {
      for (const change of changesOf(record, seen)) {
        quietSince = deps.clock.now()
        yield change
      }
    }
    if (run !== undefined && isFinished(run)) return yield { type: 'end', run }
    if (deps.clock.now() + pause > deadline) {
      const message = `the run has not ended within ${timeoutMs / 1000} seconds; it goes on`
      return yield { type: 'timeout', run: id, state: run?.state ?? 'queued', message }
    }
    if (deps.clock.now() - quietSince >= heartbeatMs) {
      quietSince = deps.clock.now()
      yield { type: 'waiting' }
    }
    await deps.clock.sleep(pause)
  }
}

/** What of a record is news. */
function changesOf(record: StoredRecord, seen: Map<string, string>): readonly RunProgress[] {
  const { cluster, state, error } = record
  const found: RunProgress[] = []
  const tell = (key: string, progress: RunProgress): void => {
    const text = JSON.stringify(progress)
    if (seen.get(key) === text) return
    seen.set(key, text)
    found.push(progress)
  }
  tell(`${cluster}`, { type: 'cluster', cluster, state, ...(error === undefined ? {} : { message: error.message }) })
  for (const { changes, timings: _timings, ...node } of record.nodes) {
    const key = `${cluster}/${node.kind}/${node.namespace}/${node.name}`
    tell(key, { type: 'node', cluster, node: { ...node, changed: changes.length } })
  }
  return found
}

/** How a request wants a run's progress, by its Accept header; undefined for one that wants a single answer. */
export function streamFormat(request: Request): 'ndjson' | 'sse' | undefined {
  const accept = request.headers.get('accept') ?? ''
  if (accept.includes('application/x-ndjson')) return 'ndjson'
  return accept.includes('text/event-stream') ? 'sse' : undefined
}

/** An answer that goes on while the run does: a line of JSON, or an event of the type, for each progress. */
export function streamResponse(format: 'ndjson' | 'sse', progress: AsyncGenerator<RunProgress>): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await progress.next()
      if (next.done === true) return controller.close()
      const text = JSON.stringify(next.value)
      controller.enqueue(
        encoder.encode(format === 'ndjson' ? `${text}\n` : `event: ${next.value.type}\ndata: ${text}\n\n`),
      )
    },
    // Whoever asked has gone; the run goes on.
    cancel: async () => {
      await progress.return(undefined)
    },
  })
  const type = format === 'ndjson' ? 'application/x-ndjson' : 'text/event-stream'
  return new Response(body, {
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Proxies that collect an answer before they pass it on are asked not to.
      'x-accel-buffering': 'no',
    },
  })
}
