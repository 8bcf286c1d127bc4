import { apiVersions, getCondition } from '../../api/index.ts'
import type { ApiResource, KubeClient } from '../../kube/index.ts'
import { formatApiVersion } from '../../resources/index.ts'
import { artifactKeyOf, sourceKeyOf, type Managed, type World } from '../../reconcile/index.ts'
import { listOrNone } from './controllers.ts'

/** How many objects of a kind there are, and how they stand. */
export interface KindCount {
  readonly kind: string
  readonly total: number
  readonly ready: number
  readonly suspended: number
}

/** Objects that Sluice does not serve. */
export interface UnservedKind {
  readonly kind: string
  readonly count: number
  readonly message: string
  /** It needs one of the controllers that a hand-over stops. */
  readonly isBlocking: boolean
}

/** What Flux serves in a cluster. */
export interface FluxSurvey {
  readonly kinds: readonly KindCount[]
  readonly unserved: readonly UnservedKind[]
  /** Receivers, whose webhooks come to the deployment from now on. */
  readonly receivers: number
  /** Objects that refer to another namespace: Sluice refuses those unless it is told otherwise. */
  readonly crossNamespace: readonly string[]
}

const needsArtifacts =
  'it reads artifacts from source-controller, which a hand-over stops: move it first, or give it artifacts of Sluice (setting gitArchives, and publicUrl)'

/** What becomes of kinds of Flux and its surroundings that Sluice does not serve, by API group. */
const surroundings: { readonly [group: string]: Omit<UnservedKind, 'kind' | 'count'> } = {
  'image.toolkit.fluxcd.io': {
    message: 'Sluice has no image automation: its controllers are left running, and go on writing to Git',
    isBlocking: false,
  },
  'source.extensions.fluxcd.io': { message: needsArtifacts, isBlocking: true },
  'infra.contrib.fluxcd.io': { message: needsArtifacts, isBlocking: true },
  'fluxcd.controlplane.io': {
    message: 'the flux-operator is left running, and goes on making objects from it',
    isBlocking: false,
  },
}

const served: ReadonlySet<string> = new Set(Object.keys(apiVersions))
/** Of the operator's kinds, those that hold no wish of anybody's. */
const ignored: ReadonlySet<string> = new Set(['FluxInstance', 'FluxReport'])

/**
 * Counts what Flux serves. Reads only: our own kinds are in `world`, of others one list for each kind that the cluster knows.
 */
export async function surveyFlux(client: KubeClient, world: World, signal: AbortSignal): Promise<FluxSurvey> {
  const { byKind } = await client.discovery({ signal })
  const foreign = new Map<string, ApiResource>()
  for (const resource of byKind.values()) {
    if (!isOfFlux(resource.group) || served.has(resource.kind) || ignored.has(resource.kind)) continue
    foreign.set(`${resource.group}/${resource.kind}`, resource)
  }
  const unserved: UnservedKind[] = []
  for (const resource of foreign.values()) {
    const kind = { apiVersion: formatApiVersion(resource), kind: resource.kind }
    const items = await listOrNone(client, kind, undefined, signal)
    if (items.length === 0) continue
    const known = surroundings[resource.group] ?? { message: 'Sluice does not know this kind', isBlocking: false }
    unserved.push({ kind: resource.kind, count: items.length, ...known })
  }
  const receiver = { apiVersion: apiVersions.Receiver, kind: 'Receiver' }
  const receivers = (await listOrNone(client, receiver, undefined, signal)).length
  return { kinds: countKinds(world), unserved, receivers, crossNamespace: crossReferences(world) }
}

function isOfFlux(group: string): boolean {
  return /(?:^|\.)(?:fluxcd\.io|fluxcd\.controlplane\.io)$/.test(group)
}

const kinds = [
  'GitRepository',
  'OCIRepository',
  'Bucket',
  'HelmRepository',
  'HelmChart',
  'ExternalArtifact',
  'Kustomization',
  'HelmRelease',
] as const satisfies readonly Managed['kind'][]

/** Pure; exported for tests. */
export function countKinds(world: World): readonly KindCount[] {
  return kinds.flatMap((kind) => {
    const objects: readonly Managed[] = world.ofKind(kind)
    if (objects.length === 0) return []
    return [
      {
        kind,
        total: objects.length,
        ready: objects.filter(isReady).length,
        suspended: objects.filter(isSuspended).length,
      },
    ]
  })
}

/** Whether Flux (or we) have brought an object to what its newest generation asks for. */
export function isReady(object: Managed): boolean {
  return getCondition(object.status?.conditions, 'Ready')?.status === 'True'
}

function isSuspended(object: Managed): boolean {
  return 'suspend' in object.spec && object.spec.suspend === true
}

/** Pure; exported for tests. */
export function crossReferences(world: World): readonly string[] {
  return [...world.ofKind('Kustomization'), ...world.ofKind('HelmRelease')].flatMap((object) => {
    const own = object.metadata.namespace ?? ''
    const other = [sourceKeyOf(object), artifactKeyOf(object)].find((key) => key !== undefined && key.namespace !== own)
    if (other === undefined) return []
    return [`${object.kind}/${own}/${object.metadata.name} -> ${other.kind}/${other.namespace}/${other.name}`]
  })
}
