/**
 * Signatures verified inside a Worker, for tests: POST a list of steps, get what they saw.
 */
import { createCloudflareHttpClient, workerClock } from '../../src/platforms/cloudflare/index.ts'
import { DurableObject } from 'cloudflare:workers'
import { defaultOciLimits } from '../../src/sources/index.ts'
import { runVerifySteps, type VerifyStep } from './verify-steps.ts'

export class StateObject extends DurableObject {}
export class ClusterObject extends DurableObject {}

export default {
  fetch: async (request: Request): Promise<Response> => {
    const egress = { allowPrivate: true }
    const http = createCloudflareHttpClient({ egress })
    const deps = { http, clock: workerClock, egress, limits: defaultOciLimits }
    return Response.json(await runVerifySteps(deps, (await request.json()) as VerifyStep[]))
  },
}
