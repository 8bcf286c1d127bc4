import { sha256Hex } from '../src/base/index.ts'
import type { FunctionDeps } from './deps.ts'

/** What is known of changes in the memory of one process or isolate. */
export interface ChangeMemory {
  /** Connections that listen for changes. */
  open: number
  /** The version as it was last read. */
  last?: { readonly at: number; readonly version: string }
}

/** For so long one look serves everybody who asks: many may listen at the same time. */
const freshMs = 1_500

/**
 * A text that is another one after something has changed that pages show: a run was asked for or has ended, a webhook came in, a cluster was seen or lost. Three small
 * lists, whatever the number of objects.
 */
export async function changeVersion(deps: Pick<FunctionDeps, 'state' | 'clock' | 'memory'>): Promise<string> {
  const { changes } = deps.memory
  const now = deps.clock.now()
  if (changes.last !== undefined && now - changes.last.at < freshMs && now >= changes.last.at)
    return changes.last.version
  const version = await readVersion(deps)
  changes.last = { at: now, version }
  return version
}

async function readVersion({ state }: Pick<FunctionDeps, 'state'>): Promise<string> {
  const [clusters, requests, deliveries] = await Promise.all([
    state.list('clusters/', { limit: 1000 }),
    state.list('requests/', { limit: 1, reverse: true }),
    state.list('delivery-log/', { limit: 1, reverse: true }),
  ])
  const parts = [clusters, requests.map(({ key }) => key), deliveries]
  return sha256Hex(JSON.stringify(parts)).slice(0, 24)
}
