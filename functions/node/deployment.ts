import { join } from 'node:path'
import {
  clusterOfMessage,
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  encodeMessage,
  maxAttempts,
  type Coordinator,
  type RunStore,
} from '../../src/coordinator/index.ts'
import type { Clock, KubeTransport, Logger, Random, StateStore } from '../../src/ports/index.ts'
import {
  createDirectoryBlobStore,
  createNodeHttpClient,
  createNodeKubeConnector,
  createNodeQueue,
  createNodeSshClient,
  createNodeStateStore,
  openDatabase,
  type NodeQueue,
} from '../../src/platforms/node/index.ts'
import { artifactBlobKey, GitObjectCache } from '../../src/sources/index.ts'
import { createBodyBudget } from '../body.ts'
import type { Config, ReadSetting } from '../config.ts'
import { consumeDeadLetter, consumeMessage } from '../consumer.ts'
import { dispatchAbandoned } from '../deliveries.ts'
import type { FunctionDeps } from '../deps.ts'
import { createRunRequests } from '../run-requests.ts'
import type { CreateEngine } from '../engine.ts'
import { createDeploymentLogins, createLoginMemory, type DeploymentLogins } from '../deployment-logins.ts'
import { kubeconfigTimes } from './kubeconfig-times.ts'
import { connectFromNode } from './transport.ts'
import { createFunctionMemory } from '../memory.ts'
import { runSchedule } from '../schedule.ts'
import { createToldRuns } from '../told-runs.ts'

/** Bytes of request bodies held at the same time. */
const bodyBudgetBytes = 128 * 1024 * 1024

/** What a deployment on Node is made of. */
export interface NodeDeploymentOptions {
  readonly config: Config
  readonly read: ReadSetting
  /** Folder for the database and the cache. */
  readonly dataDir: string
  readonly createEngine: CreateEngine
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Everything of a deployment on Node except the HTTP server. */
export interface NodeDeployment {
  readonly deps: FunctionDeps
  /** Delivers what was left behind, and scans: at once, then every interval. */
  start(): void
  /** Lets running jobs end for at most `graceMs`, then closes everything. What is left goes on after the next start. */
  stop(graceMs: number): Promise<void>
}

/** Wires Node's ports, the queue, and one coordinator per cluster. Throws EngineError `database-unavailable`. */
export function createNodeDeployment(options: NodeDeploymentOptions): NodeDeployment {
  const { config, clock, random, logger } = options
  const file = join(options.dataDir, 'sluice.db')
  const database = openDatabase(file, { durability: 'process' })
  const durableDatabase = openDatabase(file, { durability: 'power-loss' })
  const state = createNodeStateStore(database, clock)
  const background = new Set<Promise<unknown>>()
  const http = createNodeHttpClient({ egress: { allowHosts: config.privateHosts } })
  const inBackground = (work: Promise<unknown>): void => keep(background, work, logger)
  const ports = { config, read: options.read, http, state, clock, random, logger, background: inBackground }
  const logins = createDeploymentLogins({ ...ports, memory: createLoginMemory() })
  const memory = createFunctionMemory()
  const send: FunctionDeps['queue']['send'] = (message, more) => queue.send(message, more)
  const { forgeTokens } = memory
  const told = createToldRuns({ ...ports, runs: createRunStore(state), forgeTokens, queue: { send } })
  const ssh = createNodeSshClient({ egress: { allowHosts: config.privateHosts } })
  const blobs = createDirectoryBlobStore({ directory: join(options.dataDir, 'cache') })
  // A push to many clusters is one download.
  const git = new GitObjectCache({ store: blobs })
  const queue = createNodeQueue({
    database,
    durableDatabase,
    clock,
    logger,
    maxAttempts,
    laneOf: (message) => clusterOfMessage(message) ?? '',
    handle: (message, info) => consumeMessage(deps, message, info),
    handleDeadLetter: (message) => consumeDeadLetter(deps, message),
  })
  const coordinators = createCoordinators({ ...options, runs: told.runs, queue, state }, (cluster) =>
    options.createEngine({
      ...ports,
      cluster: cluster.name,
      connect: () => connectFromNode(cluster, options.read, logins),
      connectOther: createNodeKubeConnector({ egress: { allowHosts: config.privateHosts } }),
      ssh,
      blobs,
      git,
      requests: createRunRequests({ ...ports, queue, runs: told.runs }),
    }),
  )
  const deps: FunctionDeps = {
    config,
    state,
    ...told,
    queue,
    clock,
    random,
    logger,
    coordinatorOf: (cluster) => coordinators.get(cluster),
    connectTo: createConnections(config, options.read, logins),
    issuer: logins.issuer,
    kubeconfigTimes,
    readArtifact: (name) => blobs.get(artifactBlobKey(name)),
    background: inBackground,
    bodies: createBodyBudget(bodyBudgetBytes),
    http,
    read: options.read,
    memory,
  }
  const scan = (): void => deps.background(runSchedule(deps))
  let timer: ReturnType<typeof setInterval> | undefined
  return {
    deps,
    start: () => {
      queue.start()
      deps.background(dispatchAbandoned(deps))
      scan()
      timer = setInterval(scan, config.scanIntervalMs)
    },
    stop: async (graceMs) => {
      clearInterval(timer)
      await queue.stop(graceMs)
      await Promise.all([...coordinators.values()].map((coordinator) => coordinator.stop()))
      await queue.stop(1000) // Their messages are being put back.
      await Promise.all(background)
      for (const part of [http, ssh, durableDatabase, database]) part.close()
    },
  }
}

/** Holds on to work until it is done, so that it can be waited for at the end. */
function keep(background: Set<Promise<unknown>>, work: Promise<unknown>, logger: Logger): void {
  const noted = work.catch((error: unknown) => logger.log('warn', 'background work failed', { error: String(error) }))
  background.add(noted)
  void noted.finally(() => background.delete(noted))
}

/** Opens each cluster's transport once, when it is first asked for; one that failed is tried again by the next who asks. */
function createConnections(config: Config, read: ReadSetting, logins: DeploymentLogins): FunctionDeps['connectTo'] {
  const open = new Map<string, Promise<KubeTransport>>()
  return async (name) => {
    const cluster = config.clusters.find((one) => one.name === name)
    if (cluster === undefined) return undefined
    const connection = open.get(name) ?? connectFromNode(cluster, read, logins)
    open.set(name, connection)
    connection.catch(() => open.delete(name))
    return connection
  }
}

type Parts = NodeDeploymentOptions & { readonly runs: RunStore; readonly queue: NodeQueue; readonly state: StateStore }

function createCoordinators(
  parts: Parts,
  createRun: (cluster: Config['clusters'][number]) => ReturnType<CreateEngine>,
): ReadonlyMap<string, Coordinator> {
  const { config, clock, random, logger, runs, queue, state } = parts
  return new Map(
    config.clusters.map((cluster) => [
      cluster.name,
      createCoordinator({
        cluster: cluster.name,
        run: createRun(cluster),
        runs,
        status: createClusterStatusKeeper(state, cluster.name),
        random,
        scheduleFollowUp: (message, delayMs) => queue.send(encodeMessage(message), { delaySeconds: delayMs / 1000 }),
        clock,
        logger,
        runTimeoutMs: config.runTimeoutMs,
      }),
    ]),
  )
}
