import type { HelmRelease } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import {
  renderChart,
  reuseValues,
  type Capabilities,
  type Chart,
  type LookupRequest,
  type Release,
  type RenderEnvironment,
  type RenderResult,
  type Values,
} from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { admitRelease } from './admit-release.ts'
import { lookUp } from './capabilities.ts'
import type { ResolvedChart } from './chart.ts'
import { releaseNameOf } from './names.ts'
import { postRender } from './post-render.ts'

/** Rounds of `lookup` answers after which a chart that keeps asking is given up. */
const maxLookupRounds = 20

/** What a release is rendered from. */
export interface BuildRequest {
  readonly object: HelmRelease
  readonly chart: ResolvedChart
  readonly values: Values
  readonly operation: 'install' | 'upgrade'
  readonly version: number
  readonly namespace: string
  /** The release that is upgraded. */
  readonly current: Release | undefined
  readonly applyMethod: 'ssa' | 'csa'
}

/**
 * Renders the chart into a pending release: manifest and hooks after the post-renderers, notes. `lookup` is answered through the identity of the
 * release, `.Capabilities` from the cluster.
 *
 * @throws EngineError of the renderer, `tenancy-refused`; nothing was written then.
 */
export async function buildRelease(ctx: RunContext, client: KubeClient, request: BuildRequest): Promise<Release> {
  const now = ctx.deps.clock.now()
  const result = await renderRelease(request, {
    capabilities: await ctx.helm.capabilities(client, ctx.signal),
    environment: { now: () => now, randomBytes: (length) => ctx.deps.random.bytes(length) },
    lookUp: (query) => lookUp(client, query, ctx.signal),
  })
  const { manifest, hooks } = postRender(result, request.object)
  const made = { manifest, hooks, notes: result.notes, storedChart: result.storedChart }
  const release = pendingRelease(request, made, sourceOf(request).values, now)
  await admitRelease(ctx, { object: request.object, client }, release)
  return release
}

/** What decides a render besides the chart and its values. */
export interface RenderSurroundings {
  readonly capabilities: Capabilities
  readonly environment: RenderEnvironment
  /** Answers a `lookup`; null: there is no such object. */
  readonly lookUp: (query: LookupRequest) => Promise<{ readonly [key: string]: unknown } | null>
  readonly skipSchemaValidation?: boolean
}

/** Renders a chart, and again with the answers to what it looks up, until it asks for no more. @throws EngineError of the renderer, `lookup-never-settles`. */
export async function renderRelease(
  request: Omit<BuildRequest, 'applyMethod'>,
  surroundings: RenderSurroundings,
): Promise<RenderResult> {
  const answers = new Map<string, { readonly [key: string]: unknown } | null>()
  const source = sourceOf(request)
  for (let round = 0; round < maxLookupRounds; round++) {
    const result = render(request, { ...source, ...surroundings, answers })
    if (result.requests.length === 0) return result
    for (const query of result.requests) answers.set(keyOf(query), await surroundings.lookUp(query))
  }
  throw new EngineError(`the chart's lookups do not settle after ${maxLookupRounds} rounds`, {
    code: 'lookup-never-settles',
  })
}

/** Chart and values as they are rendered: with `preserveValues`, on top of those of the current release. */
function sourceOf(request: Omit<BuildRequest, 'applyMethod'>): { readonly chart: Chart; readonly values: Values } {
  const { chart, version } = request.chart
  const versioned: Chart = { ...chart, metadata: { ...chart.metadata, version } }
  const isPreserved = request.operation === 'upgrade' && request.object.spec.upgrade?.preserveValues === true
  if (!isPreserved || request.current === undefined) return { chart: versioned, values: request.values }
  return reuseValues(versioned, request.values, request.current)
}

interface RenderInputs extends RenderSurroundings {
  readonly chart: Chart
  readonly values: Values
  readonly answers: ReadonlyMap<string, { readonly [key: string]: unknown } | null>
}

function render(request: Omit<BuildRequest, 'applyMethod'>, inputs: RenderInputs): RenderResult {
  const { object, operation } = request
  const skipsSchema = inputs.skipSchemaValidation ?? object.spec[operation]?.disableSchemaValidation === true
  try {
    return renderChart({
      chart: inputs.chart,
      release: {
        name: releaseNameOf(object),
        namespace: request.namespace,
        // Helm renders an install as revision 1 also where it replaces another release.
        revision: operation === 'install' ? 1 : request.version,
        isInstall: operation === 'install',
        isUpgrade: operation === 'upgrade',
      },
      values: inputs.values,
      capabilities: inputs.capabilities,
      lookup: (query) => inputs.answers.get(keyOf(query)),
      environment: inputs.environment,
      skipSchemaValidation: skipsSchema,
      ...(request.chart.templates === undefined ? {} : { cache: request.chart.templates }),
    })
  } catch (caught) {
    const error = toEngineError(caught)
    throw new EngineError(error.message, { code: error.code, disposition: error.disposition, cause: error })
  }
}

function keyOf(query: LookupRequest): string {
  return JSON.stringify([query.apiVersion, query.kind, query.namespace, query.name])
}

/** The release as Helm stores it before its first object is applied. */
function pendingRelease(
  request: BuildRequest,
  result: Pick<RenderResult, 'manifest' | 'hooks' | 'notes' | 'storedChart'>,
  values: Values,
  now: number,
): Release {
  const at = new Date(now).toISOString()
  return {
    name: releaseNameOf(request.object),
    namespace: request.namespace,
    version: request.version,
    info: {
      first_deployed: request.current?.info.first_deployed ?? at,
      last_deployed: at,
      status: `pending-${request.operation}`,
      description: request.operation === 'install' ? 'Initial install underway' : 'Preparing upgrade',
      ...(result.notes === '' ? {} : { notes: result.notes }),
    },
    chart: result.storedChart,
    config: values,
    manifest: result.manifest,
    hooks: result.hooks,
    apply_method: request.applyMethod,
  }
}
