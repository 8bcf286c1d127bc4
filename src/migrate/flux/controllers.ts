import { groups } from '../../api/index.ts'
import { isEngineError } from '../../base/index.ts'
import type { KubeClient, ObjectKey } from '../../kube/index.ts'
import { metaText, scalarText, type KubeObject } from '../../resources/index.ts'
import { listOf, mapOf, metaMap } from '../maps.ts'

/** Components of Flux that Sluice takes the place of. */
export const servedComponents: readonly string[] = [
  'source-controller',
  'kustomize-controller',
  'helm-controller',
  'notification-controller',
]

/** What a hand-over has noted on a controller's Deployment, and on a FluxInstance. */
export const handOverAnnotations = {
  /** Replicas before the hand-over. */
  replicas: 'sluice.dev/flux-replicas',
  /** Flux's reconcile annotation before the hand-over; '' where there was none. */
  reconcile: 'sluice.dev/flux-reconcile',
  /** On a FluxInstance: the operator's reconcile annotation before the hand-over. */
  operatorReconcile: 'sluice.dev/flux-operator-reconcile',
} as const

/** A Deployment of Flux. */
export interface Controller {
  readonly name: string
  readonly namespace: string
  /** `kustomize-controller`; of a shard too. */
  readonly component: string
  /** `v1.9.6`; '' where the image has no tag. */
  readonly version: string
  readonly args: readonly string[]
  readonly replicas: number
  /** What a hand-over has left: how many there were before. */
  readonly remembered: number | undefined
  /** Whether Sluice takes its place; others (image automation) go on. */
  readonly isServed: boolean
  /** The Kustomization that brings the Deployment, from its labels. */
  readonly appliedBy: { readonly namespace: string; readonly name: string } | undefined
  /** The HelmRelease that brings it. */
  readonly releasedBy: { readonly namespace: string; readonly name: string } | undefined
  readonly object: KubeObject
}

/** A FluxInstance of the flux-operator, which makes the controllers. */
export interface FluxInstance {
  readonly key: ObjectKey
  readonly version: string
  readonly annotations: { readonly [key: string]: string | undefined }
}

/** Flux as it is installed. */
export interface FluxInstallation {
  /** In the order in which they are stopped. */
  readonly controllers: readonly Controller[]
  readonly instances: readonly FluxInstance[]
}

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' } as const
const instanceKind = { apiVersion: 'fluxcd.controlplane.io/v1', kind: 'FluxInstance' } as const

/** Who applies goes first, so that nobody puts back what the others lose; who fetches goes last. */
const order: readonly string[] = [
  'kustomize-controller',
  'helm-controller',
  'notification-controller',
  'source-controller',
]

/**
 * Finds the controllers of Flux in a namespace: Deployments with Flux's labels (`flux install`, `bootstrap`, the flux-operator), or with its names; and FluxInstances.
 */
export async function findFlux(client: KubeClient, namespace: string, signal: AbortSignal): Promise<FluxInstallation> {
  const [{ items }, instances] = await Promise.all([
    client.list(deployment, { namespace, signal }),
    listOrNone(client, instanceKind, namespace, signal),
  ])
  const controllers = items.flatMap((object) => {
    const found = controllerOf({ ...object, ...deployment })
    return found === undefined ? [] : [found]
  })
  const rank = ({ component }: Controller): number => (order.indexOf(component) + order.length + 1) % (order.length + 1)
  return {
    controllers: controllers.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1)),
    instances: instances.map((object) => instanceOf(object)),
  }
}

/** A Deployment as a controller of Flux; undefined for any other. Pure. */
export function controllerOf(object: KubeObject): Controller | undefined {
  const labels = metaMap(object, 'labels')
  const name = metaText(object, 'name')
  const component = componentOf(labels['app.kubernetes.io/component'] ?? '') ?? componentOf(name)
  const isFlux = labels['app.kubernetes.io/part-of'] === 'flux'
  if (component === undefined || (!isFlux && name !== component)) return undefined
  const spec = mapOf(object['spec'])
  const [container] = listOf(mapOf(mapOf(spec['template'])['spec'])['containers'])
  const image = scalarText(mapOf(container)['image'])
  const remembered = metaMap(object, 'annotations')[handOverAnnotations.replicas]
  const ownerBy = (group: string): Controller['appliedBy'] => {
    const owner = { name: labels[`${group}/name`] ?? '', namespace: labels[`${group}/namespace`] ?? '' }
    return owner.name === '' ? undefined : owner
  }
  return {
    name,
    namespace: metaText(object, 'namespace'),
    component,
    version: /:(v?\d[^@:/]*)(?:@|$)/.exec(image)?.[1] ?? '',
    args: listOf(mapOf(container)['args']).map((one) => scalarText(one)),
    replicas: typeof spec['replicas'] === 'number' ? spec['replicas'] : 1,
    remembered: remembered !== undefined && /^\d{1,4}$/.test(remembered) ? Number(remembered) : undefined,
    isServed: servedComponents.includes(component),
    appliedBy: ownerBy(groups.kustomize),
    releasedBy: ownerBy(groups.helm),
    object,
  }
}

const components: readonly string[] = [
  ...servedComponents,
  'image-reflector-controller',
  'image-automation-controller',
  'source-watcher',
]

/** Shards are named after their controller. */
function componentOf(text: string): string | undefined {
  return components.find((one) => text === one || text.startsWith(`${one}-`))
}

function instanceOf(object: KubeObject): FluxInstance {
  const notes = metaMap(object, 'annotations')
  const version = scalarText(mapOf(mapOf(object['spec'])['distribution'])['version'])
  return {
    key: { ...instanceKind, namespace: metaText(object, 'namespace'), name: metaText(object, 'name') },
    version,
    annotations: notes,
  }
}

/** Objects of a kind that a cluster need not know. */
export async function listOrNone(
  client: KubeClient,
  kind: { readonly apiVersion: string; readonly kind: string },
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  try {
    return (await client.list(kind, { namespace, signal })).items
  } catch (error) {
    if (isEngineError(error) && (error.code === 'kube-kind-unknown' || error.code === 'kube-not-found')) return []
    throw error
  }
}
