import { isEngineError } from '../../base/index.ts'
import type { Deployment } from '../target/deployment.ts'
import type { Delivery } from '../../observe/index.ts'
import type { Finding } from './findings.ts'
import { age } from './object-row.ts'

const area = 'webhooks'

/** Deliveries that are looked at, of the last three days. */
const maxDeliveries = 200

/**
 * Looks at the webhooks of a deployment: which forges may deliver, when each has, and what became of it.
 *
 * @param configured the forges that have a secret; undefined where the deployment does not say.
 */
export async function examineWebhooks(
  deployment: Deployment,
  configured: readonly string[] | undefined,
  now: number,
): Promise<readonly Finding[]> {
  try {
    const { deliveries } = (await deployment.get('/deliveries', { limit: String(maxDeliveries) })) as {
      readonly deliveries: readonly Delivery[]
    }
    return webhookFindings({ url: deployment.url, configured, deliveries, now })
  } catch (error) {
    // A token that only reads may not see them; an older deployment has none.
    if (!isEngineError(error) || !['deployment-refused', 'deployment-unauthorized'].includes(error.code)) throw error
    return [
      {
        area,
        state: 'warning',
        message: 'the deliveries of webhooks cannot be seen',
        fix: 'give one of the tokens of TRIGGER_TOKEN; one that may only read is not enough',
      },
    ]
  }
}

/** The findings about webhooks. Exported for tests. */
export function webhookFindings(facts: {
  readonly url: string
  readonly configured: readonly string[] | undefined
  readonly deliveries: readonly Delivery[]
  readonly now: number
}): readonly Finding[] {
  const { url, configured, deliveries, now } = facts
  const forges = [...new Set([...(configured ?? []), ...deliveries.map(({ provider }) => provider)])]
  if (forges.length === 0) {
    return [
      {
        area,
        state: 'warning',
        message: 'no forge may deliver: pushes are found by scans alone',
        fix: `set GITHUB_WEBHOOK_SECRET, or that of your forge, and a webhook to ${url}/hook/<forge> with it`,
      },
    ]
  }
  return forges.map((forge) => {
    const own = deliveries.filter(({ provider }) => provider === forge)
    return forgeFinding({ url, forge, own, isConfigured: configured?.includes(forge) ?? true, now })
  })
}

function forgeFinding(facts: {
  readonly url: string
  readonly forge: string
  readonly own: readonly Delivery[]
  readonly isConfigured: boolean
  readonly now: number
}): Finding {
  const { url, forge, own, isConfigured, now } = facts
  const [last] = own
  const verified = own.find((one) => one.verified)
  if (last === undefined) {
    return {
      area,
      state: 'warning',
      message: `${forge} has delivered nothing in the last days`,
      fix: `is there a webhook to ${url}/hook/${forge}, for pushes, with the secret of the deployment? the forge's page of it lists its attempts`,
    }
  }
  const since = (one: Delivery): string => age(one.at, now)
  const lately = own.slice(0, 10)
  const bad = lately.filter(({ outcome }) => outcome === 'refused' || outcome === 'failed')
  if (verified === undefined && isConfigured && last.outcome === 'refused') {
    return {
      area,
      state: 'problem',
      message: `every delivery of ${forge} is refused, the last ${since(last)} ago${reasonOf(last)}`,
      fix: 'give the webhook at the forge the secret that the deployment has; a JSON list of two is taken while one is replaced',
    }
  }
  if (last.outcome === 'failed') {
    return {
      area,
      state: 'problem',
      message: `the last delivery of ${forge}, ${since(last)} ago, failed${reasonOf(last)}`,
      fix: `have the forge deliver it again; sluice deliveries --provider ${forge} lists them`,
    }
  }
  if (bad.length > 0) {
    return {
      area,
      state: 'warning',
      message: `${bad.length} of the last ${lately.length} deliveries of ${forge} were refused or failed${reasonOf(bad[0])}`,
      fix: `sluice deliveries --provider ${forge} --outcome refused: a second webhook with another secret, or somebody who tries`,
    }
  }
  return { area, state: 'ok', message: `${forge} delivered ${since(last)} ago; the last ${lately.length} are well` }
}

function reasonOf(delivery: Delivery | undefined): string {
  return delivery?.reason === undefined ? '' : `: ${delivery.reason}`
}
