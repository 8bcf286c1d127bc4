/**
 * Sources inside a Worker, for tests: POST a list of steps, get what they saw. The objects live in a Durable Object, as the coordinator of a cluster does, with its SQLite storage behind the cache.
 */
import { DurableObject } from 'cloudflare:workers'
import { createCloudflareHttpClient, createSqlBlobStore, workerClock } from '../../src/platforms/cloudflare/index.ts'
import { GitObjectCache, isolateGitLimits } from '../../src/sources/index.ts'
import { runGitSteps, type GitStep } from './git-steps.ts'

interface Env {
  readonly CLUSTER: {
    idFromName(name: string): unknown
    get(id: unknown): { fetch(request: Request): Promise<Response> }
  }
}

export class StateObject extends DurableObject {}

export class ClusterObject extends DurableObject {
  #cache: GitObjectCache | undefined

  async fetch(request: Request): Promise<Response> {
    const { steps, restart } = (await request.json()) as { steps: readonly GitStep[]; restart: boolean }
    const store = createSqlBlobStore(this.ctx.storage.sql, workerClock)
    if (restart || this.#cache === undefined) this.#cache = new GitObjectCache({ store })
    const egress = { allowPrivate: true }
    const deps = {
      http: createCloudflareHttpClient({ egress }),
      cache: this.#cache,
      clock: workerClock,
      limits: isolateGitLimits,
      egress,
    }
    const results = await runGitSteps(deps, steps)
    await this.#cache.flush()
    return Response.json(results)
  }
}

export default {
  fetch: (request: Request, env: Env): Promise<Response> =>
    env.CLUSTER.get(env.CLUSTER.idFromName('test')).fetch(request),
}
