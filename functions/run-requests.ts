import { encodeMessage, newRunId, type JobMessage, type RunRequest, type RunStore } from '../src/coordinator/index.ts'
import type { Clock, Queue, Random } from '../src/ports/index.ts'
import type { DeploymentRequests } from '../src/reconcile/index.ts'
import { encodeReplan } from './plans/replan-message.ts'

/** What runs are asked for with, from inside of runs. */
export interface RequestPorts {
  readonly queue: Queue
  readonly runs: RunStore
  readonly clock: Clock
  readonly random: Random
}

/** Seconds after which a new plan is made: the notice of a merge often comes just behind its push, and then nothing waits any more. */
const replanDelaySeconds = 5

/**
 * Lets the runs of one cluster ask for looks at others, now or later, and for new plans of what was merged. Durable once it resolved; asked for twice, it is looked at twice, and planned once: the id of a plan follows from
 * what it is of.
 */
export function createRunRequests({ queue, runs, clock, random }: RequestPorts): DeploymentRequests {
  return {
    run: async ({ cluster, objects, delayMs, actor }) => {
      const request: RunRequest = {
        id: newRunId(clock, random),
        trigger: 'trigger',
        receivedAt: clock.now(),
        clusters: [cluster],
        target: { objects },
        actor,
      }
      const { id: runId, receivedAt, target } = request
      const message: JobMessage = {
        job: { kind: 'trigger', runId, cluster, receivedAt, actor, ...(target === undefined ? {} : { target }) },
      }
      await runs.putRequest(request)
      await queue.send(encodeMessage(message), delayMs === 0 ? {} : { delaySeconds: Math.ceil(delayMs / 1000) })
    },
    plan: (wish) =>
      queue.send(encodeReplan({ id: newRunId(clock, random), wish, reason: 'waits', receivedAt: clock.now() }), {
        delaySeconds: replanDelaySeconds,
      }),
  }
}
