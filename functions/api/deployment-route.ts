import { z } from 'zod'
import { EngineError } from '../../src/base/index.ts'
import { listRuns } from '../../src/observe/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { health } from '../health.ts'
import { route } from './route.ts'
import * as schemas from './schemas.ts'

/** Runs that are counted. */
const maxRuns = 100

/** `GET /api/deployment`: what the deployment is and what waits in it, for `sluice doctor`. Names alone of what is configured. */
export const deploymentRoute = route({
  path: '/api/deployment',
  id: 'getDeployment',
  summary: 'The version that runs, the webhooks that are taken, and what waits',
  parameters: z.strictObject({}),
  query: z.strictObject({}),
  answer: schemas.deployment,
  errors: ['not-found'],
  handle: async (deps) => {
    if (deps.reader?.seesAll !== true)
      throw new EngineError('this is for those who may see the whole deployment', { code: 'not-found' })
    const { version, build } = health(deps)
    return {
      version,
      ...(build === undefined ? {} : { build }),
      webhooks: Object.keys(deps.config.webhookSecrets),
      backlog: await backlogOf(deps),
    }
  },
})

async function backlogOf({ runs }: FunctionDeps): Promise<z.infer<typeof schemas.deployment>['backlog']> {
  const [queued, running] = await Promise.all(
    (['queued', 'running'] as const).map(
      async (state) => (await listRuns(runs, { state, quiet: true }, { limit: maxRuns })).runs,
    ),
  )
  const oldest = queued?.at(-1)?.receivedAt
  return {
    queued: queued?.length ?? 0,
    running: running?.length ?? 0,
    ...(oldest === undefined ? {} : { oldestQueuedAt: oldest }),
  }
}
