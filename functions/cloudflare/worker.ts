import type { ExecutionContext, MessageBatch, ScheduledController } from '@cloudflare/workers-types'
import { createRunStore } from '../../src/coordinator/index.ts'
import {
  consumeBatch,
  createCloudflareHttpClient,
  createCloudflareQueue,
  createConsoleLogger,
  createRemoteStateStore,
  workerClock as clock,
  workerRandom as random,
} from '../../src/platforms/cloudflare/index.ts'
import type { Logger } from '../../src/ports/index.ts'
import { createApp } from '../app.ts'
import { createBodyBudget } from '../body.ts'
import { connectFromWorker, coordinatorClient, createBindingReader, readArtifact, type WorkerEnv } from './env.ts'
import { loadConfig } from '../config.ts'
import { isConfigError } from '../config-errors.ts'
import { consumeDeadLetter, consumeMessage } from '../consumer.ts'
import { createDeploymentLogins, createLoginMemory } from '../deployment-logins.ts'
import type { FunctionDeps } from '../deps.ts'
import { toErrorResponse } from '../http-errors.ts'
import { createFunctionMemory } from '../memory.ts'
import { runSchedule } from '../schedule.ts'
import { createToldRuns } from '../told-runs.ts'

/** Bytes of request bodies held at the same time; an isolate has 128 MB for everything. */
const bodyBudgetBytes = 32 * 1024 * 1024

/** Seconds after which messages are delivered again where the configuration is wrong. */
const configRetrySeconds = 300

/** The handlers of a worker. */
export interface Worker {
  fetch(request: Request, env: WorkerEnv, context: ExecutionContext): Promise<Response>
  scheduled(controller: ScheduledController, env: WorkerEnv, context: ExecutionContext): Promise<void>
  queue(batch: MessageBatch, env: WorkerEnv, context: ExecutionContext): Promise<void>
}

/** Wires the ports of Cloudflare for each event. Only the budget for bodies and what handlers remember outlive one. */
export function createWorker(): Worker {
  const bodies = createBodyBudget(bodyBudgetBytes)
  const memory = createFunctionMemory()
  const loginMemory = createLoginMemory()
  const logger = createConsoleLogger()
  const depsOf = (env: WorkerEnv, context: ExecutionContext): FunctionDeps => {
    const config = loadConfig(createBindingReader(env))
    const state = createRemoteStateStore(env.STATE)
    const read = createBindingReader(env)
    const http = createCloudflareHttpClient({ egress: { allowHosts: config.privateHosts } })
    const logins = createDeploymentLogins({ config, read, state, http, memory: loginMemory, clock, random, logger })
    const coordinatorOf: FunctionDeps['coordinatorOf'] = (cluster) =>
      config.clusters.some((one) => one.name === cluster) ? coordinatorClient(env, cluster) : undefined
    const background = (work: Promise<unknown>): void =>
      context.waitUntil(
        work.catch((error: unknown) => logger.log('warn', 'background work failed', { error: String(error) })),
      )
    const queue = createCloudflareQueue(env.JOBS)
    const told = createToldRuns({
      config,
      read,
      state,
      http,
      clock,
      random,
      logger,
      background,
      queue,
      runs: createRunStore(state),
      forgeTokens: memory.forgeTokens,
    })
    return {
      config,
      state,
      ...told,
      coordinatorOf,
      connectTo: async (name) => {
        const cluster = config.clusters.find((one) => one.name === name)
        return cluster === undefined ? undefined : connectFromWorker(cluster, env, logins)
      },
      readArtifact: async (name) =>
        config.clusters.some((one) => one.name === name.cluster) ? readArtifact(env, name) : undefined,
      issuer: logins.issuer,
      bodies,
      memory,
      http,
      read,
      clock,
      random,
      logger,
      queue,
      startEarly: async (message) => coordinatorOf(message.job.cluster)?.submit(message),
      background,
    }
  }
  return {
    fetch: async (request, env, context) => {
      try {
        return await createApp(depsOf(env, context)).fetch(request)
      } catch (caught) {
        return toErrorResponse(caught, logger)
      }
    },
    scheduled: async (_controller, env, context) => {
      await runSchedule(depsOf(env, context))
    },
    queue: async (batch, env, context) => {
      const deps = whereConfigured(() => depsOf(env, context), logger)
      if (deps === undefined) {
        // Messages wait while somebody corrects the configuration: at once, their attempts would be used up in seconds.
        batch.retryAll({ delaySeconds: configRetrySeconds })
        return
      }
      if (!batch.queue.endsWith('-dead-letters'))
        return consumeBatch(batch, (body, info) => consumeMessage(deps, body, info), logger)
      return consumeBatch(batch, (body) => consumeDeadLetter(deps, body).then(() => ({ kind: 'ack' })), logger)
    },
  }
}

/** What `make` makes; undefined where the configuration is wrong, which is logged. */
function whereConfigured<T>(make: () => T, logger: Logger): T | undefined {
  try {
    return make()
  } catch (caught) {
    if (!isConfigError(caught)) throw caught
    toErrorResponse(caught, logger)
    return undefined
  }
}
