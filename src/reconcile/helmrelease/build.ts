import type { HelmRelease } from '../../api/index.ts'
import { DiagnosticsError, EngineError, toEngineError } from '../../base/index.ts'
import { newRelease, renderChart, type LookupAnswers, type Release, type Values } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { lookUp, readCapabilities } from './capabilities.ts'
import { withOrigin } from './origin.ts'
import type { ResolvedChart } from './chart.ts'
import { releaseNameOf, releaseNamespaceOf } from './names.ts'

/** Rounds of `lookup` answers after which a chart that keeps asking is given up. */
const maxLookupRounds = 20

/** What a release is rendered from. */
export interface BuildRequest {
  readonly object: HelmRelease
  readonly chart: ResolvedChart
  readonly values: Values
  readonly operation: 'install' | 'upgrade'
  readonly version: number
  readonly firstDeployed: string | undefined
}

/**
 * Renders the chart into a pending release: manifest with origin labels, hooks, notes. `lookup` is answered through the identity of the
 * release, `.Capabilities` from the cluster.
 *
 * @throws EngineError with reason `InstallFailed` or `UpgradeFailed`; nothing was written then.
 */
export async function buildRelease(
  ctx: RunContext,
  client: KubeClient,
  request: BuildRequest,
): Promise<{ readonly release: Release; readonly crds: string }> {
  const { object, chart, values } = request
  const answers: LookupAnswers = new Map()
  const now = ctx.deps.clock.now()
  const capabilities = await readCapabilities(client, ctx.signal)
  try {
    for (let round = 0; round < maxLookupRounds; round++) {
      const result = renderChart({
        chart: chart.chart,
        chartVersion: chart.version,
        release: {
          name: releaseNameOf(object),
          namespace: releaseNamespaceOf(object),
          revision: request.version,
          isInstall: request.operation === 'install',
          isUpgrade: request.operation === 'upgrade',
        },
        values,
        capabilities,
        lookup: (query) => answers.get(query.id),
        environment: { now: () => now, randomBytes: (length) => ctx.deps.random.bytes(length) },
      })
      if (result.requests.length > 0) {
        for (const query of result.requests) answers.set(query.id, await lookUp(client, query, ctx.signal))
        continue
      }
      const release = newRelease({
        result,
        chart: chart.chart,
        chartVersion: chart.version,
        values,
        status: `pending-${request.operation}`,
        now,
        firstDeployed: request.firstDeployed,
      })
      return { release: withOrigin(release, object), crds: result.crds.map((crd) => crd.content).join('\n---\n') }
    }
  } catch (caught) {
    const error = toEngineError(caught)
    throw error instanceof DiagnosticsError || error.reason === undefined
      ? new EngineError(error.message, {
          code: error.code,
          disposition: error.disposition,
          reason: request.operation === 'install' ? 'InstallFailed' : 'UpgradeFailed',
          cause: error,
        })
      : error
  }
  throw new EngineError(`the chart's lookups do not settle after ${maxLookupRounds} rounds`, {
    code: 'lookup-never-settles',
    reason: 'InstallFailed',
  })
}
