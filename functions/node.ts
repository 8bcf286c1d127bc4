import { serve } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { createEnvironmentReader, createJsonLogger, systemClock, systemRandom } from '../src/platforms/node/index.ts'
import { createApp } from './app.ts'
import type { CreateEngine } from './engine.ts'
import { loadNodeConfig } from './node/check-config.ts'
import { createNodeDeployment } from './node/deployment.ts'
import { describeStartFailure } from './node/start-failure.ts'

/** A deployment that serves. */
export interface NodeServer {
  readonly url: string
  /** Lets running jobs end for `graceMs` (20 seconds); what is left goes on after the next start. */
  stop(graceMs?: number): Promise<void>
}

/**
 * Starts a deployment on Node from environment variables: those of `loadConfig`, and `PORT` (8080), `HOST` (all addresses), `DATA_DIR`
 * (.state). Throws a DiagnosticsError `config-invalid` with everything that is wrong in the configuration, EngineErrors of the state, and what the
 * system says of a port that is taken.
 */
export async function startNode(
  env: { readonly [name: string]: string | undefined },
  overrides: { readonly createEngine?: CreateEngine; readonly log?: (line: string) => void } = {},
): Promise<NodeServer> {
  const read = createEnvironmentReader(env)
  const config = loadNodeConfig(env)
  const logger = createJsonLogger(overrides.log === undefined ? {} : { write: overrides.log })
  const createEngine = overrides.createEngine ?? (await import('./engine.ts')).createEngine
  const ports = { clock: systemClock, random: systemRandom, logger }
  const deployment = createNodeDeployment({
    config,
    read,
    dataDir: read('DATA_DIR') ?? '.state',
    createEngine,
    ...ports,
  })
  const app = createApp(deployment.deps)
  const server = await new Promise<Server>((resolve, reject) => {
    const options = { fetch: app.fetch, port: Number(read('PORT') ?? 8080), hostname: read('HOST') ?? '0.0.0.0' }
    const listening = serve(options, () => resolve(listening as Server))
    listening.once('error', reject)
  })
  deployment.start()
  const { address, port } = server.address() as AddressInfo
  const url = `http://${address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address}:${port}`
  logger.log('info', 'listening', {
    url,
    clusters: config.clusters.length,
    providers: Object.keys(config.webhookSecrets),
  })
  return {
    url,
    stop: async (graceMs = 20_000) => {
      server.close()
      server.closeIdleConnections()
      await deployment.stop(graceMs)
      server.closeAllConnections()
    },
  }
}

// A link may lead to the program: the module's own URL has none in it.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  try {
    const server = await startNode(process.env)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.stop())
  } catch (caught) {
    const { text, exitCode } = describeStartFailure(caught)
    process.stderr.write(text)
    process.exit(exitCode)
  }
}
