import {
  apiVersions,
  fieldManagers,
  labels,
  type HelmChart,
  type HelmChartTemplate,
  type HelmRelease,
} from '../../api/index.ts'
import { EngineError, formatDuration, parseDuration } from '../../base/index.ts'
import { isNotFound } from '../../kube/index.ts'
import { pinOf } from '../safety/pin.ts'
import { dropStored } from '../source/stored-artifact.ts'
import { tenantOfObject } from '../tenancy.ts'
import type { RunContext } from '../context.ts'
import { editStatus, type Attempt } from './attempt.ts'

/** Namespace and name of the HelmChart that stands for the chart template of a HelmRelease; undefined for a `chartRef`. */
export function helmChartKeyOf(object: HelmRelease): { readonly namespace: string; readonly name: string } | undefined {
  const { chart } = object.spec
  if (chart === undefined || chart.kind === 'OCIRepository') return undefined
  const own = object.metadata.namespace ?? ''
  return { namespace: chart.spec.sourceRef.namespace ?? own, name: `${own}-${object.metadata.name}` }
}

/**
 * Brings the HelmChart of `spec.chart` up to date, in the source's namespace, and deletes the one that was made for another reference (helm-controller 1.6,
 * HelmChartTemplate). Nothing is sent where it is as wanted. Sets `.status.helmChart` of the attempt.
 *
 * Effects: the HelmChart; events HelmChartCreated, HelmChartConfigured, HelmChartDeleted.
 * @throws EngineError `AccessDenied` for another namespace where those are forbidden.
 */
export async function syncHelmChart(ctx: RunContext, attempt: Attempt): Promise<HelmChart | undefined> {
  const { object } = attempt
  const key = helmChartKeyOf(object)
  const recorded = object.status?.helmChart
  if (recorded !== undefined && recorded !== '' && recorded !== (key && `${key.namespace}/${key.name}`))
    await deleteHelmChart(ctx, attempt)
  const wanted = wantedHelmChart(object)
  if (key === undefined || wanted === undefined) return undefined
  refuseOtherNamespace(ctx, object, `HelmChart/${key.namespace}/${key.name}`, key.namespace)
  const known = ctx.world.get(`HelmChart/${key.namespace}/${key.name}`) as HelmChart | undefined
  let current = known
  if (known === undefined || !isAsWanted(known, wanted)) {
    current = await ctx.client.patch<HelmChart>(
      { apiVersion: wanted.apiVersion, kind: wanted.kind, ...key },
      { type: 'apply', body: wanted, force: true },
      { fieldManager: fieldManagers.helm, signal: ctx.signal },
    )
    ctx.world.update(current)
    const action = known === undefined ? 'created' : 'configured'
    const { kind, name } = wanted.spec.sourceRef
    emitTrace(
      ctx,
      attempt,
      known === undefined ? 'HelmChartCreated' : 'HelmChartConfigured',
      `HelmChart/${key.namespace}/${key.name} ${action} with SourceRef '${kind}/${key.namespace}/${name}'`,
    )
  }
  editStatus(attempt, (status) => ({ ...status, helmChart: `${key.namespace}/${key.name}` }))
  return current
}

/** Deletes the HelmChart that the status names, and the file of its artifact. */
export async function deleteHelmChart(ctx: RunContext, attempt: Attempt): Promise<void> {
  const recorded = attempt.object.status?.helmChart ?? ''
  if (recorded === '') return
  const [namespace = '', name = ''] = recorded.split('/')
  refuseOtherNamespace(ctx, attempt.object, `HelmChart/${namespace}/${name}`, namespace)
  const key = { apiVersion: apiVersions.HelmChart, kind: 'HelmChart', namespace, name }
  const outcome = await ctx.client.delete(key, { signal: ctx.signal }).catch((error: unknown) => {
    if (isNotFound(error)) return 'absent' as const
    throw error
  })
  const known = ctx.world.get(`HelmChart/${namespace}/${name}`)
  if (known?.kind === 'HelmChart') await dropStored(ctx, known.status?.artifact)
  if (known !== undefined) ctx.world.remove(known)
  if (outcome !== 'absent') emitTrace(ctx, attempt, 'HelmChartDeleted', `deleted HelmChart '${recorded}'`)
  editStatus(attempt, (status) => {
    const next = { ...status }
    delete next.helmChart
    return next
  })
}

/** Refuses a reference to another namespace where the deployment forbids those. What a tenant may refer to is in its policy, which has been asked before. */
export function refuseOtherNamespace(ctx: RunContext, object: HelmRelease, what: string, namespace: string): void {
  if (tenantOfObject(ctx, object) !== undefined) return
  if (!ctx.deps.settings.noCrossNamespaceRefs || namespace === (object.metadata.namespace ?? '')) return
  throw new EngineError(`can't access '${what}', cross-namespace references have been blocked`, {
    code: 'cross-namespace-source',
    reason: 'AccessDenied',
  })
}

/** Events about generated objects are for the cluster alone: Flux forwards none of them. */
function emitTrace(ctx: RunContext, attempt: Attempt, reason: string, message: string): void {
  ctx.events.emit({ object: attempt.object, severity: 'info', reason, message, controller: 'helm-controller' })
}

/** The HelmChart that stands for the chart template of a HelmRelease; undefined for a `chartRef`. */
export function wantedHelmChart(object: HelmRelease): HelmChart | undefined {
  const key = helmChartKeyOf(object)
  const template = object.spec.chart
  return key === undefined || template === undefined || template.kind === 'OCIRepository'
    ? undefined
    : chartOf(object, template, key)
}

function chartOf(
  object: HelmRelease,
  template: HelmChartTemplate,
  key: { readonly namespace: string; readonly name: string },
): HelmChart {
  const { spec, metadata } = template
  return {
    apiVersion: apiVersions.HelmChart,
    kind: 'HelmChart',
    metadata: {
      ...key,
      labels: {
        ...metadata?.labels,
        [labels.helmName]: object.metadata.name,
        [labels.helmNamespace]: object.metadata.namespace ?? '',
      },
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec: {
      chart: spec.chart,
      version: pinOf(object)?.to ?? spec.version ?? '*',
      sourceRef: { kind: spec.sourceRef.kind, name: spec.sourceRef.name },
      // As Go prints it: the controller writes `10m0s` for `10m`, and whoever takes over must find what it would write.
      interval: formatDuration(parseDuration(spec.interval ?? object.spec.interval)),
      ...(spec.reconcileStrategy === undefined ? {} : { reconcileStrategy: spec.reconcileStrategy }),
      ...(spec.valuesFiles === undefined ? {} : { valuesFiles: spec.valuesFiles }),
      ...(spec.ignoreMissingValuesFiles === undefined
        ? {}
        : { ignoreMissingValuesFiles: spec.ignoreMissingValuesFiles }),
      ...(spec.verify === undefined ? {} : { verify: spec.verify }),
    } as HelmChart['spec'],
  }
}

/** Everything that we set is there as we set it; the server's own defaults do not matter. */
export function isAsWanted(known: HelmChart, wanted: HelmChart): boolean {
  const isPart = (part: object | undefined, of: object | undefined): boolean =>
    Object.entries(part ?? {}).every(
      ([key, value]) => JSON.stringify((of as { [key: string]: unknown } | undefined)?.[key]) === JSON.stringify(value),
    )
  const extra = ['valuesFiles', 'ignoreMissingValuesFiles', 'verify'] as const
  return (
    isPart(wanted.spec, known.spec) &&
    extra.every((key) => (known.spec[key] === undefined) === (wanted.spec[key] === undefined)) &&
    isPart(wanted.metadata.labels, known.metadata.labels) &&
    isPart(wanted.metadata.annotations, known.metadata.annotations)
  )
}
