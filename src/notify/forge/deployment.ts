import { deliver, type Answer } from '../deliver.ts'
import { sendError } from '../errors.ts'
import { postJson } from '../provider.ts'
import { queryEscape } from '../go-json.ts'
import type { OutgoingRequest, SendContext, Target } from '../types.ts'
import { itemsOf, latestOf, parseAnswer, tokenOf } from './commit-status.ts'
import { gitHubHeaders, gitHubRepositoryApi } from './github-api.ts'

/** How far a deployment to an environment of GitHub has come. */
export interface DeploymentUpdate {
  readonly commit: string
  readonly environment: string
  readonly state: 'queued' | 'in_progress' | 'success' | 'failure'
  readonly description: string
  /** Where its log is. */
  readonly url?: string
}

/** Bytes of an answer that are read: deployments are short, their payload is ours. */
const maxAnswerBytes = 1 << 18

/**
 * Brings the deployment of a commit to an environment to a state (docs.github.com/rest/deployments): makes it where there is none, and adds a status unless the latest says the same. GitHub itself ends older deployments of
 * the environment (`auto_inactive`). Returns whether a status was added.
 *
 * Updates of one environment must come one after the other, or two deployments are made. @throws EngineError as deliver; `notify-config` without a token.
 */
export async function setDeployment(context: SendContext, target: Target, update: DeploymentUpdate): Promise<boolean> {
  const api = `${gitHubRepositoryApi(target.address)}/deployments`
  const headers = gitHubHeaders(target, await tokenOf(context, target))
  const ask = (request: OutgoingRequest): Promise<Answer> =>
    deliver(context, { ...request, headers: { ...request.headers, ...headers }, readBytes: maxAnswerBytes })
  const { commit, environment, state, description, url } = update
  const query = `sha=${commit}&environment=${queryEscape(environment)}&task=deploy&per_page=1`
  const found = await ask({ method: 'GET', url: `${api}?${query}`, headers: {} })
  const known = itemsOf(parseAnswer(found.text))[0]?.['id']
  const id = typeof known === 'number' ? known : await createDeployment(ask, api, update)
  if (typeof known === 'number') {
    const statuses = await ask({ method: 'GET', url: `${api}/${id}/statuses?per_page=1`, headers: {} })
    const latest = latestOf(itemsOf(parseAnswer(statuses.text)), { isSame: () => true, state: 'state' })
    if (latest?.state === state && latest.description === description) return false
  }
  await ask(postJson(`${api}/${id}/statuses`, { state, log_url: url, description, environment, auto_inactive: true }))
  return true
}

/** Makes the deployment as it is: nothing is merged into it, and no checks have to pass first, for it is happening already. */
async function createDeployment(
  ask: (request: OutgoingRequest) => Promise<Answer>,
  api: string,
  update: DeploymentUpdate,
): Promise<number> {
  const { commit: ref, environment } = update
  const deployment = {
    ref,
    task: 'deploy',
    auto_merge: false,
    required_contexts: [],
    environment,
    description: 'Sluice',
  }
  const answer = await ask(postJson(api, deployment))
  const id = (parseAnswer(answer.text) as { readonly id?: unknown } | undefined)?.id
  if (typeof id === 'number') return id
  throw sendError('GitHub made no deployment', { retry: false, status: answer.status })
}
