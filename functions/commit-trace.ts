import { isEngineError } from '../src/base/index.ts'
import { traceCommit, type CommitTrace } from '../src/observe/index.ts'
import type { PlanHead } from '../src/ui/index.ts'
import type { FunctionDeps } from './deps.ts'
import { observeDeps } from './observe-deps.ts'
import { findPlansOfCommit } from './plans/views.ts'

/**
 * The way of a commit through all clusters, with the plans of pull requests that it belongs to. A commit that is only planned has come nowhere yet, and is known all the same by its full name.
 *
 * @throws EngineError `not-found`, `request-invalid` (see `traceCommit`), and those of the store.
 */
export async function findCommit(
  deps: FunctionDeps,
  name: string,
): Promise<{ readonly trace: CommitTrace; readonly plans: readonly PlanHead[] }> {
  try {
    const trace = await traceCommit({ ...observeDeps(deps), runs: deps.runs }, name)
    return { trace, plans: await findPlansOfCommit(deps, trace.commit) }
  } catch (caught) {
    const commit = name.toLowerCase()
    const isUnknown = isEngineError(caught) && caught.code === 'not-found' && /^[0-9a-f]{40,64}$/.test(commit)
    const plans = isUnknown ? await findPlansOfCommit(deps, commit) : []
    if (plans.length === 0) throw caught
    return { trace: { commit, clusters: [], runs: [] }, plans }
  }
}
