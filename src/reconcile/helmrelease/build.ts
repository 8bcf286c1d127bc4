import type { HelmRelease } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import {
  renderChart,
  type Capabilities,
  type LookupRequest,
  type Release,
  type RenderResult,
  type Values,
} from '../../helm/index.ts'
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
  const reason = request.operation === 'install' ? 'InstallFailed' : 'UpgradeFailed'
  const answers = new Map<string, { readonly [key: string]: unknown } | null>()
  const now = ctx.deps.clock.now()
  const capabilities = await readCapabilities(client, ctx.signal)
  for (let round = 0; round < maxLookupRounds; round++) {
    const result = render(ctx, request, { capabilities, answers, now, reason })
    if (result.requests.length === 0) {
      const decoder = new TextDecoder()
      return {
        release: withOrigin(pendingRelease(request, result, now), request.object),
        crds: result.crds.map((crd) => decoder.decode(crd.file.data)).join('\n---\n'),
      }
    }
    for (const query of result.requests) answers.set(keyOf(query), await lookUp(client, query, ctx.signal))
  }
  throw new EngineError(`the chart's lookups do not settle after ${maxLookupRounds} rounds`, {
    code: 'lookup-never-settles',
    reason,
  })
}

interface RenderInputs {
  readonly capabilities: Capabilities
  readonly answers: ReadonlyMap<string, { readonly [key: string]: unknown } | null>
  readonly now: number
  readonly reason: string
}

function render(ctx: RunContext, request: BuildRequest, inputs: RenderInputs): RenderResult {
  const { object, chart, operation } = request
  try {
    return renderChart({
      chart: { ...chart.chart, metadata: { ...chart.chart.metadata, version: chart.version } },
      release: {
        name: releaseNameOf(object),
        namespace: releaseNamespaceOf(object),
        revision: request.version,
        isInstall: operation === 'install',
        isUpgrade: operation === 'upgrade',
      },
      values: request.values,
      capabilities: inputs.capabilities,
      lookup: (query) => inputs.answers.get(keyOf(query)),
      environment: { now: () => inputs.now, randomBytes: (length) => ctx.deps.random.bytes(length) },
      skipSchemaValidation: object.spec[operation]?.disableSchemaValidation === true,
    })
  } catch (caught) {
    const error = toEngineError(caught)
    throw new EngineError(error.message, {
      code: error.code,
      disposition: error.disposition,
      reason: inputs.reason,
      cause: error,
    })
  }
}

function keyOf(query: LookupRequest): string {
  return JSON.stringify([query.apiVersion, query.kind, query.namespace, query.name])
}

/** The release as Helm stores it before its first object is applied. */
function pendingRelease(request: BuildRequest, result: RenderResult, now: number): Release {
  const at = new Date(now).toISOString()
  return {
    name: releaseNameOf(request.object),
    namespace: releaseNamespaceOf(request.object),
    version: request.version,
    info: {
      first_deployed: request.firstDeployed ?? at,
      last_deployed: at,
      status: `pending-${request.operation}`,
      description: request.operation === 'install' ? 'Initial install underway' : 'Preparing upgrade',
      ...(result.notes === '' ? {} : { notes: result.notes }),
    },
    chart: result.storedChart,
    config: request.values,
    manifest: result.manifest,
    hooks: result.hooks,
    apply_method: 'ssa',
  }
}
