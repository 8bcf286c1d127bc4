import type { Hono } from 'hono'
import { authorizeReading } from './authorize-reading.ts'
import { changeVersion } from './change-version.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse } from './http-errors.ts'

/** Bounds of what listens: connections of one process or isolate, time between two looks and two signs of life, and the length of one connection. */
const maxConnections = 100
const lookMs = 2_000
const heartbeatMs = 15_000
const maxConnectionMs = 5 * 60_000
/** After which a browser connects again. */
const retryMs = 3_000

/**
 * `GET /ui/events`: server-sent events for whoever may read. `version` with a text says that what pages show has changed since another text; nothing else is told, so that the
 * page itself decides what its reader may see. A connection ends after five minutes, and the browser makes another one.
 */
export function addEvents(app: Hono, deps: FunctionDeps): void {
  app.get('/ui/events', async (c) => {
    await authorizeReading(deps, c.req.raw)
    if (deps.memory.changes.open >= maxConnections) {
      const response = errorResponse('busy', 'too many pages listen at the moment')
      response.headers.set('retry-after', '60')
      return response
    }
    return new Response(eventStream(deps, c.req.raw.signal), {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        // Proxies that collect an answer before they pass it on would keep all of it for themselves.
        'x-accel-buffering': 'no',
      },
    })
  })
}

function eventStream(deps: FunctionDeps, gone: AbortSignal): ReadableStream<Uint8Array> {
  const { changes } = deps.memory
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, gone])
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      changes.open += 1
      const send = (text: string): void => controller.enqueue(new TextEncoder().encode(text))
      void tellChanges(deps, send, signal)
        .catch((caught: unknown) => {
          if (!signal.aborted) deps.logger.log('warn', 'live updates ended', { error: String(caught) })
        })
        .finally(() => {
          changes.open -= 1
          if (!ended.signal.aborted) closeQuietly(controller)
        })
    },
    cancel: () => ended.abort(),
  })
}

function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    // The browser was faster.
  }
}

async function tellChanges(deps: FunctionDeps, send: (text: string) => void, signal: AbortSignal): Promise<void> {
  const { clock } = deps
  const endAt = clock.now() + maxConnectionMs
  let told = ''
  let lastSentAt = clock.now()
  send(`retry: ${retryMs}\n\n`)
  while (!signal.aborted && clock.now() < endAt) {
    const version = await changeVersion(deps)
    if (signal.aborted) return
    if (version !== told) {
      send(`event: version\ndata: ${version}\n\n`)
      told = version
      lastSentAt = clock.now()
    } else if (clock.now() - lastSentAt >= heartbeatMs) {
      send(':\n\n')
      lastSentAt = clock.now()
    }
    await clock.sleep(lookMs, signal)
  }
}
