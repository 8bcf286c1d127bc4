import { isEngineError, toEngineError } from '../../base/index.ts'
import type { Deployment } from '../target/deployment.ts'
import { credentialFinding, type ShownCredential } from './doctor-credentials.ts'
import { examineIssuer } from './doctor-issuer.ts'
import { clockFinding, clockSkewMs, type Finding } from './findings.ts'
import type { Run } from './follow.ts'
import { age } from './object-row.ts'

const area = 'deployment'
/** A deployment scans every minute unless it is told otherwise. */
const lateScanMs = 15 * 60_000

/** Looks at a deployment: does it answer, does it accept the token, do its clocks agree, does it work. */
export async function examineDeployment(deployment: Deployment): Promise<readonly Finding[]> {
  const reached = await reach(deployment)
  if (reached.some((finding) => finding.state === 'problem')) return reached
  return [...reached, ...(await examineRuns(deployment)), ...(await examineClusters(deployment))]
}

async function reach({ url }: Deployment): Promise<readonly Finding[]> {
  try {
    const sentAt = Date.now()
    const response = await fetch(`${url}/healthz`, { redirect: 'error', signal: AbortSignal.timeout(15_000) })
    const receivedAt = Date.now()
    const text = (await response.text()).slice(0, 1000)
    if (!response.ok || !text.includes('ok')) {
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
