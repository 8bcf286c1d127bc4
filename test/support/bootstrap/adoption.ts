import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bootstrap,
  parseEnvironment,
  type BootstrapOptions,
  type BootstrapResult,
  type StepName,
} from '../../../src/bootstrap/index.ts'
import { createForge } from '../../../src/forges/index.ts'
import { createClusterCache, createKubeClient, type KubeClient } from '../../../src/kube/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/http.ts'
import { createNodeKubeTransport } from '../../../src/platforms/node/kube-transport.ts'
import { gitCredentials } from '../../../src/sources/index.ts'
import type { Canaries } from '../canaries.ts'
import type { ControlPlaneAddress } from '../control-plane.ts'
import type { ForgeServer } from '../forge-api/server.ts'
import { makeGitDeps } from '../git-sources.ts'
import { createMemoryLogger, systemClock, systemRandom } from '../memory-ports.ts'

/** Somebody who adopts a cluster: a forge, an environment file, a deployment that is started from it. */
export interface Adoption {
  /** What was told, in order. */
  readonly told: string[]
  /** What a dry run would write, by name. */
  readonly shown: Map<string, string>
  environment: string
  /** Runs a bootstrap. `cutAfter`: ends it behind a step, as a killed process would. */
  run(options?: Partial<BootstrapOptions> & { readonly cutAfter?: StepName }): Promise<BootstrapResult>
  /** Starts the deployment with the environment, or starts it again. @returns its URL. */
  serve(): Promise<string>
  readonly client: KubeClient
  close(): Promise<void>
}

/** Thrown behind a step. */
export class CutOff extends Error {}

/** A repository `team/fleet` at the forge, a cluster `prod`, and nothing else yet. */
export async function adopt(address: ControlPlaneAddress, forge: ForgeServer, canaries?: Canaries): Promise<Adoption> {
  const { server, caPem: ca, token } = address
  const transport = createNodeKubeTransport({ cluster: 'prod', server, ca, token: async () => token })
  const logger = createMemoryLogger()
  const ports = { clock: systemClock, random: systemRandom, logger }
  const client = createKubeClient({ transport, ...ports, cache: createClusterCache(), requestTimeoutMs: 30_000 })
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const git = makeGitDeps()
  const directory = await mkdtemp(join(tmpdir(), 'sluice-adopt-'))
  let stop = async (): Promise<void> => undefined
  let url: string | undefined
  const user = forge.kind === 'github' ? 'x-access-token' : forge.kind === 'gitlab' ? 'oauth2' : 'git'
  const login = { username: user, password: forge.token }
  const target = { host: forge.host, owner: 'team', name: 'fleet', token: forge.token }
  const made: Adoption = {
    told: [],
    shown: new Map(),
    environment: '',
    client,
    run: async ({ cutAfter, ...more } = {}) => {
      made.told.length = 0
      made.shown.clear()
      const tell = (text: string): void => {
        canaries?.see('line that is told', text)
        made.told.push(text)
      }
      return bootstrap(
        {
          forge: createForge(forge.kind, { http, egress: { allowPrivate: true } }, target),
          git,
          gitCredentials: gitCredentials({ url: forge.host, secret: login }),
          client,
          environment: {
            name: 'sluice.env',
            read: async () => made.environment,
            write: async (text) => {
              made.environment = text
            },
          },
          deployment: (bearer) => (url === undefined ? undefined : askWith(url, bearer)),
          clock: systemClock,
          random: systemRandom,
          report: {
            begin: (text) => tell(`► ${text}`),
            done: (text, details = []) => tell([`✔ ${text}`, ...details].join('\n  ')),
            found: (text) => tell(`= ${text}`),
            nothing: (text) => tell(`- ${text}`),
            wait: (text) => tell(`◎ ${text}`),
            warn: (text) => tell(`! ${text}`),
            show: (name, text) => {
              canaries?.see(`file of a dry run: ${name}`, text)
              made.shown.set(name, text)
            },
            ended: (step) => {
              if (step === cutAfter) throw new CutOff(step)
            },
          },
        },
        {
          cluster: 'prod',
          branch: 'main',
          path: 'clusters/prod',
          server,
          ca,
          isPrivate: true,
          provider: forge.kind,
          ...(url === undefined ? {} : { publicUrl: url }),
          pullRequests: false,
          stopFluxControllers: false,
          author: { name: 'Ada', email: 'ada@example.com' },
          isDryRun: false,
          timeoutMs: 60_000,
          pollMs: 100,
          secretData: login,
          hasOwnWebhook: false,
          variables: {},
          ...more,
        },
      )
    },
    serve: async () => {
      await stop()
      const { startNode } = await import('../../../functions/node.ts')
      const port = url === undefined ? '0' : new URL(url).port
      const env = { PORT: port, HOST: '127.0.0.1', DATA_DIR: directory, SCAN_INTERVAL_SECONDS: '86400' }
      const log = (line: string): void => canaries?.see('line of the log', line)
      const started = await startNode({ ...parseEnvironment(made.environment, 'sluice.env'), ...env }, { log })
      url = started.url
      stop = () => started.stop()
      return url
    },
    close: async () => {
      await stop()
      transport.close()
      http.close()
      git.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
  return made
}

/** A deployment over HTTP; whatever is wrong is an error that says so. */
function askWith(url: string, bearer: string): ReturnType<Parameters<typeof bootstrap>[0]['deployment']> {
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return JSON.parse(text) as unknown
  }
  return {
    url,
    get: (path, query = {}) => ask('GET', `${path}?${new URLSearchParams(query as { [name: string]: string })}`),
    post: (path, body) => ask('POST', path, body),
  }
}
