import type { HelmRelease } from '../../api/index.ts'
import { joinPath, toEngineError } from '../../base/index.ts'
import { chartCrds, DEFAULT_CAPABILITIES, type Capabilities, type Release, type Values } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { admitObjects } from '../helmrelease/admit-release.ts'
import { renderRelease, type BuildRequest, type RenderSurroundings } from '../helmrelease/build.ts'
import { lookUp } from '../helmrelease/capabilities.ts'
import { resolveChart, type ResolvedChart } from '../helmrelease/chart.ts'
import { readDefinitions } from '../helmrelease/crds.ts'
import { releaseNameOf, releaseNamespaceOf, storageNamespaceOf } from '../helmrelease/names.ts'
import { openStorage } from '../helmrelease/operation.ts'
import { postRender } from '../helmrelease/post-render.ts'
import { refuseUnsupported } from '../helmrelease/support.ts'
import { composeFrom, valuesReader, type ReadValues } from '../helmrelease/values.ts'
import { idOf } from '../world.ts'
import { fixedEnvironment } from './fixed-environment.ts'
import { withoutSecrets } from './open-error.ts'
import { withHiddenValues } from './hidden-spec.ts'
import { hasHiddenFiles, knownNames, openReader, openValues, type KnowsName } from './open-values.ts'
import { pairForms, type FormObject, type Forms } from './pair-objects.ts'
import type { Form } from './placeholders.ts'
import { notePlaceholders, type NotedPlaceholders, type SideOptions } from './side-options.ts'
import { releaseFormObjects } from './release-objects.ts'
import type { RenderedSide } from './types.ts'

/** What the namespace of a release comes from. */
const targetNamespace = 'createNamespace'

/** What all renderings of one side share. */
interface SideRequest {
  readonly ctx: RunContext
  readonly object: HelmRelease
  readonly options: SideOptions
  readonly chart: ResolvedChart
  readonly client: KubeClient
  readonly capabilities: Capabilities
  readonly operation: 'install' | 'upgrade'
  readonly version: number
  /** What `preserveValues` goes on from. */
  readonly current: Release | undefined
  /** Reads what is secret; undefined where it is withheld. */
  readonly read: ReadValues | undefined
  readonly knows: KnowsName
}

/** What one rendering has made. Hooks are applied, but are no objects that stay. */
interface ReleaseForm {
  readonly objects: readonly FormObject[]
  readonly hooks: readonly FormObject[]
}

/**
 * A HelmRelease as one commit makes it, rendered with placeholders for values from Secrets and ConfigMaps of the cluster, no answers to `lookup`, and fixed random bytes and time; where any of these took part, again
 * with others, and with what they stand for.
 *
 * @throws EngineError as a run would; where placeholders took part, of the rendering with placeholders.
 */
export async function renderReleaseSide(
  ctx: RunContext,
  object: HelmRelease,
  options: SideOptions,
): Promise<RenderedSide> {
  const request = await prepareSide(ctx, object, options)
  const { read } = request
  const values = read === undefined ? undefined : await composeFrom(structuredClone(object), read)
  const about = {
    chart: { name: request.chart.chart.metadata.name, version: request.chart.version },
    artifacts: { chart: request.chart.digest },
  }
  const noted = notePlaceholders(options.placeholders, 'open')
  const open = await renderOpen(request, 'open', noted).catch((error: unknown) => {
    throw noted.isUsed || options.twin !== undefined ? withoutSecrets(error) : error
  })
  const hooks = open.hooks.length
  const ownTwin = options.twin?.kind === 'HelmRelease' ? options.twin : undefined
  if (!noted.isUsed && ownTwin === undefined) {
    return { ...pairRelease({ open: open.objects }, open), hasSecrets: false, hooks, ...about }
  }
  const twin = (
    await renderOpen({ ...request, object: ownTwin ?? object }, 'twin', notePlaceholders(options.placeholders, 'twin'))
  ).objects
  const shown = { open: open.objects, twin }
  if (values === undefined || ownTwin !== undefined) return { ...pairForms(shown), hasSecrets: true, hooks, ...about }
  try {
    const applied = await renderApplied(request, values)
    return { ...pairRelease(shown, applied), hasSecrets: true, hooks, ...about }
  } catch (caught) {
    const failure = toEngineError(caught)
    if (failure.code === 'aborted' || failure.code === 'cluster-unreachable') throw failure
    return { ...pairForms(shown), failure, hasSecrets: true, hooks, ...about }
  }
}

/** What is approved is the release with its hooks; the namespace that an install makes is no part of it. */
function pairRelease(forms: Forms, { objects, hooks }: ReleaseForm): ReturnType<typeof pairForms> {
  const desired = [...objects, ...hooks]
  const release = desired.filter(({ source }) => source !== targetNamespace)
  return { ...pairForms({ ...forms, desired }), desired: release.map(({ object }) => object) }
}

async function prepareSide(ctx: RunContext, object: HelmRelease, options: SideOptions): Promise<SideRequest> {
  refuseUnsupported(ctx, object)
  const attempt = { stored: object, object, client: ctx.client, startedAt: ctx.deps.clock.now(), changes: [] }
  const chart = await resolveChart(ctx, attempt)
  const isUsed = options.secrets === 'used'
  // What `spec.kubeConfig` names is a Secret, too.
  const isReached = isUsed || object.spec.kubeConfig === undefined
  const client = isReached ? await ctx.identities.of(object) : ctx.client
  const isAsked = isReached && ctx.job.change?.live !== 'denied'
  const [last] = object.status?.history ?? []
  const operation = last === undefined || last.status === 'uninstalled' ? 'install' : 'upgrade'
  const isPreserved = operation === 'upgrade' && object.spec.upgrade?.preserveValues === true
  const storage = openStorage(ctx, { ...attempt, client }, storageNamespaceOf(object), releaseNameOf(object))
  const current = isUsed && isPreserved ? (await storage.latest())?.release : undefined
  return {
    ctx,
    object,
    options,
    chart,
    client,
    capabilities: isAsked ? await ctx.helm.capabilities(client, ctx.signal) : DEFAULT_CAPABILITIES,
    operation,
    version: (last?.version ?? 0) + 1,
    current,
    read: isUsed ? valuesReader(ctx.client, object, ctx.signal) : undefined,
    knows:
      current !== undefined || hasHiddenFiles(object.spec.valuesFrom) ? knownNames(chart.chart, object) : () => false,
  }
}

/** Renders with placeholders. */
async function renderOpen(request: SideRequest, form: Form, placeholders: NotedPlaceholders): Promise<ReleaseForm> {
  const { ctx, object, options, read, knows, current } = request
  const reader = openReader(object, { placeholders, configMap: options.configMap, knows, read })
  const masked = withHiddenValues(object, options.hidden, placeholders)
  const values = await composeFrom(structuredClone(masked), reader)
  const config = openValues(current?.config ?? {}, ['release', idOf(object)], { placeholders, knows })
  // A placeholder is a text, also where the schema wants a number.
  const isMasked = placeholders.isUsed
  return await renderForm(
    { ...request, current: current === undefined ? undefined : { ...current, config } },
    values,
    {
      environment: fixedEnvironment(form, idOf(object), placeholders),
      lookUp: () => {
        placeholders.note()
        return Promise.resolve(null)
      },
      ...(isMasked ? { skipSchemaValidation: true } : {}),
    },
    ctx,
  )
}

/** Renders what would be applied. */
async function renderApplied(request: SideRequest, values: Values): Promise<ReleaseForm> {
  const { ctx, object, client, options } = request
  const placeholders = notePlaceholders(options.placeholders, 'applied')
  return await renderForm(
    request,
    values,
    {
      environment: fixedEnvironment('applied', idOf(object), placeholders),
      lookUp: (query) => lookUp(client, query, ctx.signal),
    },
    ctx,
  )
}

async function renderForm(
  request: SideRequest,
  values: Values,
  surroundings: Omit<RenderSurroundings, 'capabilities'>,
  ctx: RunContext,
): Promise<ReleaseForm> {
  const { object, chart, operation, version, current, capabilities, client } = request
  const namespace = releaseNamespaceOf(object)
  const wanted: Omit<BuildRequest, 'applyMethod'> = { object, chart, values, operation, version, namespace, current }
  const rendered = postRender(await renderRelease(wanted, { ...surroundings, capabilities }), object)
  const policy = object.spec[operation]?.crds ?? 'Create'
  const found = policy === 'Skip' ? [] : readDefinitions(chartCrds(chart.chart, values)).definitions
  const definitions = { found, areReplaced: policy === 'CreateReplace' }
  const release = { name: releaseNameOf(object), namespace }
  const made = await releaseFormObjects({
    client,
    release,
    rendered,
    definitions,
    isAsked: ctx.job.change?.live !== 'denied',
    directory: directoryOf(object),
    signal: ctx.signal,
  })
  const isCreated = operation === 'install' && object.spec.install?.createNamespace === true
  const target = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { name: namespace } } }
  const objects = [...(isCreated ? [{ object: target, source: targetNamespace }] : []), ...made.objects]
  const all = [...objects, ...made.hooks].map((one) => one.object)
  await admitObjects(ctx, { object, client }, all, namespace)
  return { objects, hooks: made.hooks }
}

/** Where the chart is in the repository, if it is in one. */
function directoryOf({ spec }: HelmRelease): string | undefined {
  const { chart } = spec
  if (chart === undefined || chart.kind === 'OCIRepository' || chart.spec.sourceRef.kind !== 'GitRepository')
    return undefined
  return joinPath('', chart.spec.chart.replace(/^\.?\/+/, ''))
}
