import { EngineError, mapLimit } from '../../base/index.ts'
import type { EngineDeps } from '../job.ts'
import { createPlanContext } from '../plan/plan-job.ts'
import { planApplication, planScope } from './application.ts'
import { loadSafety } from './facts.ts'
import { knownWorld, type LocalCommits } from './local-commits.ts'
import { manifestsOf } from './manifests.ts'
import { createPlaceholders } from './placeholders.ts'
import { createSides } from './side.ts'
import type { ChangeJob, ChangePlan, ChangeRef } from './types.ts'
import { walkChange } from './walk.ts'

/** Applications that are compared with the cluster at the same time: a plan must not crowd out runs. */
const concurrency = 2

/**
 * Plans one cluster's part of a change: which applications it does something to, how both commits make them, what applying head would do to the cluster, and what holds or endangers that. Nothing is written: every
 * request to the cluster is a read or a dry-run, and what is fetched or packaged on the way is kept for the plan alone.
 *
 * Whatever is wrong with one application is in that application.
 *
 * @param local the commits are in a working copy. Where it says so there is no cluster, and `change` must not ask for one (`live: 'denied'`, `secrets: 'withheld'`).
 * @throws EngineError where the cluster cannot be reached, so that the job is tried again; `change-invalid`, `plan-key-missing`, `change-never-settles`.
 */
export async function planChange(
  deps: EngineDeps,
  job: ChangeJob,
  signal: AbortSignal,
  local?: LocalCommits,
): Promise<ChangePlan> {
  checkChange(job.change, local)
  if (deps.planKey === undefined)
    throw new EngineError('changes cannot be planned without a key; set PLAN_KEY', {
      code: 'plan-key-missing',
      disposition: 'stall',
    })
  const placeholders = createPlaceholders(deps.planKey)
  const { ctx, requests, close } = await createPlanContext(deps, job, signal, local && knownWorld(local))
  try {
    const sides = createSides(ctx, job.change, local)
    const { touched, renders } = await walkChange(sides, placeholders)
    if (touched.length === 0) return { applications: [], digests: [], renders, requests: requests() }
    const scope = planScope(sides, await loadSafety(sides), touched)
    const planned = await mapLimit(touched, concurrency, (examined) => planApplication(scope, examined))
    return {
      applications: planned.flatMap((one) => one?.application ?? []),
      digests: planned.flatMap((one) => one?.digest ?? []),
      renders,
      requests: requests(),
      ...(job.change.manifests === true
        ? { manifests: manifestsOf(touched, { key: deps.planKey, cluster: job.cluster }) }
        : {}),
    }
  } finally {
    close()
  }
}

/** Commits come from whoever answers for the forge, and go into requests to Git servers. */
function checkChange({ base, head, branch, urls, live, secrets }: ChangeRef, local: LocalCommits | undefined): void {
  const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text)
  const isPossible = local?.entry === undefined || (live === 'denied' && secrets === 'withheld')
  if (isCommit(base) && isCommit(head) && branch.startsWith('refs/heads/') && urls.length > 0 && isPossible) return
  throw new EngineError('a change needs two whole commit ids, a branch (refs/heads/…), and a URL of its repository', {
    code: 'change-invalid',
    disposition: 'bug',
  })
}
