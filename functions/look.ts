import { toEngineError } from '../src/base/index.ts'
import { idOfSummary, readApplication, type LiveApplication } from '../src/observe/index.ts'
import { clusterClient } from './cluster-client.ts'
import type { FunctionDeps } from './deps.ts'

/** Names an object of ours in a cluster. */
export interface ObjectTarget {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Bounds of what is asked of a cluster that somebody looks into: each request's time (the look as a whole has its own), and the bytes of all answers. */
const limits = { requestTimeoutMs: 4_000, maxBytes: 32 * 1024 * 1024 }

/** What the cluster itself says of an object, or why it could not be asked, for pages and the API. Never rejects. */
export async function lookInto(
  deps: FunctionDeps,
  target: ObjectTarget,
): Promise<LiveApplication | { readonly error: { readonly code: string; readonly message: string } }> {
  const { cluster } = target
  try {
    const clientOf = (name: string): ReturnType<typeof clusterClient> => clusterClient(deps, name, limits)
    return await readApplication({ clientOf, clock: deps.clock }, cluster, target)
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'object not read from its cluster', {
      cluster,
      object: idOfSummary(target),
      code,
      error: message,
    })
    // What a transport says may name addresses that are nobody's business.
    const known = ['cluster-slow', 'cluster-answer', 'not-found']
    return { error: { code, message: known.includes(code) ? message : 'the cluster could not be asked' } }
  }
}
