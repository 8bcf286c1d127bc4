import { isEngineError, sluiceVersion, toEngineError } from '../../base/index.ts'
import type { Deployment } from '../target/deployment.ts'
import { credentialFinding, type ShownCredential } from './doctor-credentials.ts'
import { examineIssuer } from './doctor-issuer.ts'
import { examineWebhooks } from './doctor-webhooks.ts'
import { clockFinding, clockSkewMs, type Finding } from './findings.ts'
import type { Run } from './follow.ts'
import { age } from './object-row.ts'

const area = 'deployment'
/** A deployment scans every minute unless it is told otherwise. */
const lateScanMs = 15 * 60_000
/** Runs start within seconds; one that has waited for longer waits for something that does not come. */
const longWaitMs = 10 * 60_000

/** What `GET /api/deployment` answers. */
export interface DeploymentFacts {
  readonly version: string
  readonly build?: string
  readonly webhooks: readonly string[]
  readonly backlog: { readonly queued: number; readonly running: number; readonly oldestQueuedAt?: number }
}

/** Looks at a deployment: does it answer, does it accept the token, do its clocks agree, does it work. */
export async function examineDeployment(deployment: Deployment): Promise<readonly Finding[]> {
  const reached = await reach(deployment)
  if (reached.some((finding) => finding.state === 'problem')) return reached
  const runs = await examineRuns(deployment)
  // A token that is refused is refused everywhere; it is told once.
  if (runs.some((finding) => finding.message.includes('does not accept the token'))) return [...reached, ...runs]
  const facts = await readFacts(deployment)
  return [
    ...reached,
    ...runs,
    ...(facts === undefined ? [] : backlogFindings(facts.backlog, Date.now())),
    ...(await examineClusters(deployment)),
    ...(await examineWebhooks(deployment, facts?.webhooks, Date.now())),
  ]
}

async function readFacts(deployment: Deployment): Promise<DeploymentFacts | undefined> {
  try {
    return (await deployment.get('/api/deployment')) as DeploymentFacts
  } catch (error) {
    if (isEngineError(error) && error.code === 'deployment-refused') return undefined // An older one does not say.
    throw error
  }
}

/** The finding about the versions of the deployment and of this program. Exported for tests. */
export function versionsFinding(deployed: string | undefined, build: string | undefined): Finding {
  const name = `version ${deployed ?? 'unknown'}${build === undefined ? '' : ` (build ${build})`}`
  if (deployed === sluiceVersion) return { area, state: 'ok', message: `it is ${name}, as this program is` }
  return {
    area,
    state: 'warning',
    message: `it is ${name}, and this program is ${sluiceVersion}`,
    fix: 'use the program of the same version, or deploy this one: they may not know the same fields',
  }
}

/** The findings about what waits. Exported for tests. */
export function backlogFindings(backlog: DeploymentFacts['backlog'], now: number): readonly Finding[] {
  const { queued, running, oldestQueuedAt } = backlog
  const text = `${queued} runs wait, ${running} go on`
  if (oldestQueuedAt === undefined || now - oldestQueuedAt < longWaitMs) return [{ area, state: 'ok', message: text }]
  return [
    {
      area,
      state: 'warning',
      message: `${text}; the oldest has waited for ${age(oldestQueuedAt, now)}`,
      fix: 'sluice logs says what they wait for: a cluster that does not answer, or a queue that nobody takes from (on Workers: npm exec -- wrangler queues info sluice-jobs)',
    },
  ]
}

async function reach({ url }: Deployment): Promise<readonly Finding[]> {
  try {
    const sentAt = Date.now()
    const response = await fetch(`${url}/healthz`, { redirect: 'error', signal: AbortSignal.timeout(15_000) })
    const receivedAt = Date.now()
    const answer = parseHealth((await response.text()).slice(0, 10_000))
    if (answer.variables !== undefined) {
      return [
        {
          area,
          state: 'problem',
          message: `its configuration is wrong: ${answer.variables.join(', ')}`,
          fix: 'sluice config check --env-file FILE says what is wrong with each, and so does its log; then deploy again',
        },
      ]
    }
    if (!response.ok || answer.status !== 'ok') {
      return [
        {
          area,
          state: 'problem',
          message: `${url}/healthz answers ${response.status}`,
          fix: 'is it the URL of the deployment, without a path? its log says more',
        },
      ]
    }
    return [
      { area, state: 'ok', message: `${url} answers (${receivedAt - sentAt} ms)` },
      versionsFinding(answer.version, answer.build),
      clockFinding(area, clockSkewMs(response.headers.get('date'), sentAt, receivedAt)),
    ]
  } catch (caught) {
    const detail =
      caught instanceof Error && caught.cause instanceof Error ? caught.cause.message : toEngineError(caught).message
    return [
      {
        area,
        state: 'problem',
        message: `${url} cannot be reached: ${detail}`,
        fix: 'check the URL, DNS, the certificate (NODE_EXTRA_CA_CERTS for one of your own) and any proxy',
      },
    ]
  }
}

interface Health {
  readonly status?: string
  readonly version?: string
  readonly build?: string
  /** Of a Worker whose configuration is wrong. */
  readonly variables?: readonly string[]
}

function parseHealth(text: string): Health {
  try {
    return JSON.parse(text) as Health
  } catch {
    return {} // Somebody else answers at this address.
  }
}

async function examineRuns(deployment: Deployment): Promise<readonly Finding[]> {
  let runs: readonly Run[]
  try {
    runs = ((await deployment.get('/runs', { limit: '50' })) as { readonly runs: readonly Run[] }).runs
  } catch (caught) {
    const error = toEngineError(caught)
    return [
      {
        area,
        state: 'problem',
        message: error.message,
        fix: 'give one of the tokens of TRIGGER_TOKEN in $SLUICE_TOKEN or with --token-file',
      },
    ]
  }
  const accepted: Finding = { area, state: 'ok', message: 'the token is accepted' }
  const scan = runs.find((run) => run.trigger === 'scan')
  if (scan === undefined || Date.now() - scan.receivedAt > lateScanMs) {
    const since =
      scan === undefined
        ? 'there was no scan among its last runs'
        : `its last scan was ${age(scan.receivedAt, Date.now())} ago`
    return [
      accepted,
      {
        area,
        state: 'warning',
        message: since,
        fix: 'check its schedule: the cron trigger on Workers, SCAN_INTERVAL_SECONDS on Node',
      },
    ]
  }
  const failing = runs
    .filter((run) => run.trigger === 'scan')
    .slice(0, 3)
    .flatMap((run) => run.records.filter((record) => record.error !== undefined))
  const seen = new Map(failing.map((record) => [record.cluster, record.error?.message ?? '']))
  return [
    accepted,
    { area, state: 'ok', message: `its last scan was ${age(scan.receivedAt, Date.now())} ago` },
    ...[...seen].map(([cluster, message]): Finding => ({
      area,
      state: 'problem',
      message: `scans of the cluster ${cluster} fail: ${message}`,
      fix: `check how the deployment reaches ${cluster} (CLUSTERS), and its token there`,
    })),
  ]
}

async function examineClusters(deployment: Deployment): Promise<readonly Finding[]> {
  try {
    const { clusters } = (await deployment.get('/api/clusters')) as {
      readonly clusters: readonly {
        readonly cluster: string
        readonly health: string
        readonly error?: { readonly message: string }
        readonly credential?: ShownCredential
      }[]
    }
    const credentials = clusters.flatMap(({ cluster, credential }) =>
      credential === undefined ? [] : [credentialFinding(cluster, credential, Date.now())],
    )
    const seen = clusters.map(({ cluster, health, error }): Finding =>
      health === 'seen'
        ? { area, state: 'ok', message: `the cluster ${cluster} was seen lately` }
        : {
            area,
            state: 'problem',
            message: `the cluster ${cluster} was not seen lately${error === undefined ? '' : `: ${error.message}`}`,
            fix: `check how the deployment reaches ${cluster}; sluice doctor with a kubeconfig of it looks from here`,
          },
    )
    const issuers = new Set(clusters.flatMap(({ credential }) => credential?.issuer ?? []))
    const published = await Promise.all([...issuers].map(examineIssuer))
    return [...seen, ...credentials, ...published.flat()]
  } catch (error) {
    // An older deployment does not say, and that a token is refused was found before.
    if (isEngineError(error) && ['deployment-refused', 'deployment-unauthorized'].includes(error.code)) return []
    throw error
  }
}
