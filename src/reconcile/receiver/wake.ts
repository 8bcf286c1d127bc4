import { annotations, apiVersions, isConditionTrue, isOwnKind, withDefaults, type Receiver } from '../../api/index.ts'
import { EngineError, runBounded, toEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { jsonOf, type HookAccess, type VerifiedDelivery } from '../../receivers/index.ts'
import { parseApiVersion } from '../../resources/index.ts'
import type { Tenant } from '../../tenancy/index.ts'
import type { ObjectKey } from '../job.ts'
import type { Settings } from '../settings.ts'
import { admit, type TenancyContext } from '../tenancy.ts'
import { compileFilters, type ReceiverFilters } from './filters.ts'
import { webhookPath, type HookEntry } from './hook-index.ts'
import { readReceiverSecret } from './secret.ts'

/** API versions of resources that name none (notification-controller 1.9); other kinds must name theirs. */
const defaultVersions: { readonly [kind: string]: string } = {
  Bucket: 'source.toolkit.fluxcd.io/v1',
  HelmChart: 'source.toolkit.fluxcd.io/v1',
  HelmRepository: 'source.toolkit.fluxcd.io/v1',
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  OCIRepository: 'source.toolkit.fluxcd.io/v1',
  ImageRepository: 'image.toolkit.fluxcd.io/v1',
  ArtifactGenerator: 'source.extensions.fluxcd.io/v1beta1',
}

/** Name under which annotations are written. */
const manager = 'notification-controller'
/** Objects that are annotated at the same time, and that one resource with labels may stand for. */
const concurrency = 8
const maxObjects = 2_000

/** A Receiver as it is in its cluster, with what its senders must prove. */
export interface OpenReceiver {
  readonly entry: HookEntry
  readonly receiver: Receiver
  readonly access: HookAccess
}

/**
 * Reads a Receiver and its Secret. `gone`: there is none, or its path is another one by now. `unavailable`: it is suspended or not ready.
 *
 * @throws EngineError of the client.
 */
export async function openReceiver(
  client: KubeClient,
  entry: HookEntry,
  path: string,
  signal: AbortSignal,
): Promise<OpenReceiver | 'gone' | 'unavailable'> {
  const kind = { apiVersion: apiVersions.Receiver, kind: 'Receiver' }
  const { namespace, name } = entry
  const found = await client.get<Receiver>({ ...kind, namespace, name }, { signal })
  if (found === undefined) return 'gone'
  const receiver = withDefaults({ ...found, ...kind } as Receiver)
  const isReady = isConditionTrue(receiver.status?.conditions, 'Ready')
  if (receiver.spec.suspend === true || !isReady || receiver.metadata.deletionTimestamp !== undefined)
    return 'unavailable'
  let secret
  try {
    secret = await readReceiverSecret(client, receiver, signal)
  } catch (caught) {
    if (toEngineError(caught).code === 'receiver-token-missing') return 'unavailable'
    throw caught
  }
  // A token that was replaced takes its path along: whoever knows the old one gets nowhere.
  if (webhookPath(secret.data['token'] ?? new Uint8Array(), receiver) !== path) return 'gone'
  return { entry, receiver, access: { secret: secret.data, oidcProviders: receiver.spec.oidcProviders ?? [] } }
}

/** What a verified delivery asks a cluster for. */
export interface WakeRequest {
  readonly receiver: Receiver
  readonly delivery: VerifiedDelivery
  /** The request, for filters. */
  readonly contentType: string
  readonly body: Uint8Array
  /** Value of the annotation: the same when the delivery is worked on again. */
  readonly requestedAt: string
  /** What the deployment lets Receivers refer to. */
  readonly access: TenancyContext & { readonly deps: { readonly settings: Pick<Settings, 'noCrossNamespaceRefs'> } }
  readonly signal: AbortSignal
}

/** What was woken. */
export interface WakeResult {
  /** Objects that runs work on. */
  readonly objects: readonly ObjectKey[]
  /** Objects that were annotated, also those of kinds that others work on. */
  readonly annotated: number
  /** Why resources were left out. */
  readonly failures: readonly string[]
}

/**
 * Annotates every resource of a Receiver that its filters let through with `reconcile.fluxcd.io/requestedAt`, as notification-controller 1.9 does. A resource that fails does not keep
 * the others from being woken.
 *
 * Effects: for each resource a list (`*`) or a get (with filters), and a merge patch of the annotation.
 * @throws EngineError `delivery-unusable` where filters cannot be evaluated at all, `tenancy-refused`.
 */
export async function wakeResources(client: KubeClient, request: WakeRequest): Promise<WakeResult> {
  const { receiver } = request
  const tenant = admit(request.access, receiver)
  const variables = filterVariables(request)
  let filters: ReceiverFilters
  try {
    filters = compileFilters(receiver)
  } catch (caught) {
    throw unusable(toEngineError(caught).message)
  }
  const annotated = new Map<string, ObjectKey | undefined>()
  const failures: string[] = []
  for (const [index, resource] of receiver.spec.resources.entries()) {
    try {
      for (const key of await wakeResource(client, { ...request, tenant }, resource, filters[index] ?? [], variables))
        annotated.set(`${key.kind}/${key.namespace}/${key.name}`, key.ours ? keyOf(key) : undefined)
    } catch (caught) {
      failures.push(`spec.resources[${index}]: ${toEngineError(caught).message}`.slice(0, 500))
    }
  }
  const objects = [...annotated.values()].filter((key) => key !== undefined)
  return { objects, annotated: annotated.size, failures: failures.slice(0, 20) }
}

type Resource = Receiver['spec']['resources'][number]
type Woken = ObjectKey & { readonly ours: boolean }
interface Metadata {
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

async function wakeResource(
  client: KubeClient,
  request: WakeRequest & { readonly tenant: Tenant | undefined },
  resource: Resource,
  filters: ReceiverFilters[number],
  variables: { readonly [name: string]: unknown },
): Promise<readonly Woken[]> {
  const { receiver, signal, tenant, access } = request
  const own = receiver.metadata.namespace ?? ''
  const { kind, name } = resource
  const namespace = resource.namespace === undefined || resource.namespace === '' ? own : resource.namespace
  // What the Receiver of a tenant may refer to is in the policy, which has been asked before.
  if (tenant === undefined && access.deps.settings.noCrossNamespaceRefs && namespace !== own)
    throw new EngineError('cross-namespace references are not allowed', { code: 'access-denied' })
  const apiVersion = resource.apiVersion ?? defaultVersions[kind]
  if (apiVersion === undefined)
    throw new EngineError(`apiVersion must be specified for kind "${kind}"`, { code: 'receiver-invalid' })
  const ref = { apiVersion, kind, namespace, name }
  if (name !== '*') {
    const found = filters.length === 0 ? { metadata: { name, namespace } } : await read(client, ref, signal)
    return (await wakeObject(client, request, ref, found, filters, variables)) ? [wokenOf(ref, name)] : []
  }
  const { matchLabels } = resource
  if (matchLabels === undefined)
    throw new EngineError("matchLabels field not set when using wildcard '*' as name", { code: 'receiver-invalid' })
  const labelSelector = Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const list = await client.list<Metadata>(
    { apiVersion, kind },
    { namespace, labelSelector, metadataOnly: true, maxItems: maxObjects, signal },
  )
  const results = await runBounded(list.items, concurrency, (item) =>
    wakeObject(client, request, { ...ref, name: item.metadata.name }, item, filters, variables),
  )
  for (const result of results) if (result !== undefined && 'error' in result) throw toEngineError(result.error)
  return list.items.flatMap((item, index) => {
    const result = results[index]
    return result !== undefined && 'value' in result && result.value ? [wokenOf(ref, item.metadata.name)] : []
  })
}

async function read(
  client: KubeClient,
  ref: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Metadata> {
  const found = await client.get<Metadata>(ref, { metadataOnly: true, signal })
  if (found !== undefined) return found
  throw new EngineError(`unable to read ${ref.kind} "${ref.namespace}/${ref.name}" error: it does not exist`, {
    code: 'kube-not-found',
    disposition: 'wait',
  })
}

async function wakeObject(
  client: KubeClient,
  request: WakeRequest,
  ref: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  found: Metadata,
  filters: ReceiverFilters[number],
  variables: { readonly [name: string]: unknown },
): Promise<boolean> {
  const res = { apiVersion: ref.apiVersion, kind: ref.kind, metadata: found.metadata }
  if (!filters.every((filter) => filter.evaluateBool({ ...variables, res }))) return false
  const body = { metadata: { annotations: { [annotations.requestedAt]: request.requestedAt } } }
  const options = { fieldManager: manager, metadataOnly: true, signal: request.signal }
  await client.patch(ref, { type: 'merge', body }, options)
  return true
}

function wokenOf(
  ref: { readonly apiVersion: string; readonly kind: string; readonly namespace: string },
  name: string,
): Woken {
  const ours = isOwnKind(parseApiVersion(ref.apiVersion).group, ref.kind)
  return { kind: ref.kind, namespace: ref.namespace, name, ours }
}

function keyOf({ kind, namespace, name }: ObjectKey): ObjectKey {
  return { kind, namespace, name }
}

/** `req` and `claims` of filters: the JSON of the request where it says that it is JSON, else nothing. */
function filterVariables(request: WakeRequest): { readonly [name: string]: unknown } {
  const { receiver, delivery, contentType, body } = request
  const { resourceFilter, resources, type } = receiver.spec
  const hasFilter = [resourceFilter, ...resources.map((resource) => resource.filter)].some(
    (text) => (text ?? '') !== '',
  )
  if (!hasFilter) return {}
  const claims = type === 'generic-oidc' ? { claims: delivery.claims ?? {} } : {}
  const isJson = contentType.split(',').some((part) => part.split(';')[0]?.trim().toLowerCase() === 'application/json')
  if (!isJson) return { req: {}, ...claims }
  const req = delivery.request ?? jsonOf(body)
  if (typeof req !== 'object' || Array.isArray(req)) throw unusable('the body is no JSON object, which filters need')
  return { req: req ?? {}, ...claims }
}

function unusable(message: string): EngineError {
  return new EngineError(message, { code: 'delivery-unusable' })
}
