import type { ObserveDeps } from '../src/observe/index.ts'
import type { FunctionDeps } from './deps.ts'

/** What reading needs of a deployment. */
export function observeDeps({ state, clock, config }: FunctionDeps): ObserveDeps {
  return {
    state,
    clock,
    clusters: config.clusters.map((cluster) => cluster.name),
    scanIntervalMs: config.scanIntervalMs,
  }
}
