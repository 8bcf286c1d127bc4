/** Helm repositories, registries and buckets inside a Worker, for tests: POST a list of steps, get what they saw. */
import { DurableObject } from 'cloudflare:workers'
import { createCloudflareHttpClient, workerClock } from '../../src/platforms/cloudflare/index.ts'
import { runSourceSteps, type SourceStep } from './source-steps.ts'

export class StateObject extends DurableObject {}
export class ClusterObject extends DurableObject {}

export default {
  fetch: async (request: Request): Promise<Response> => {
    const { steps, allowPrivate } = (await request.json()) as { steps: readonly SourceStep[]; allowPrivate: boolean }
    const egress = { allowPrivate }
    const http = createCloudflareHttpClient({ egress })
    return Response.json(await runSourceSteps({ http, clock: workerClock, egress }, steps))
  },
}
