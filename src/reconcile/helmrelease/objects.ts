import { annotations, fieldManagers, labels } from '../../api/index.ts'
import { EngineError, mapLimit } from '../../base/index.ts'
import {
  detectDrift,
  isNotFound,
  normalizeObject,
  type DeleteOutcome,
  type KubeClient,
  type ObjectKey,
} from '../../kube/index.ts'
import {
  compareForHelmUninstall,
  isMap,
  nameOf,
  namespaceOf,
  objectIdKey,
  objectIdOf,
  scalarText,
  type KubeMap,
  type KubeObject,
} from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { Bounded } from './bounded.ts'
import { concernsRun, failureOfObjects, type ObjectFailure } from './passing-errors.ts'

/** The release that objects belong to. */
export interface ReleaseName {
  readonly name: string
  readonly namespace: string
}

/** Parsed manifests. What it returns is shared and must not be changed. */
export interface ManifestReader {
  /** The objects of a manifest as they stand in it; lists are expanded. @throws EngineError `release-manifest-invalid`. */
  read(release: ReleaseName, manifest: string): readonly KubeObject[]
}

/** Characters of manifests that are kept parsed: an operation reads its manifest several times. */
const maxParsedText = 2_000_000

/** A reader that remembers the manifests that it read last. */
export function createManifestReader(): ManifestReader {
  const known = new Bounded<readonly KubeObject[]>(maxParsedText)
  return {
    read: (release, manifest) => {
      const objects = known.get(manifest) ?? readManifest(release, manifest)
      known.set(manifest, objects, manifest.length)
      return objects
    },
  }
}

/** Where to look for the objects of a manifest, and as whom. */
export interface ObjectsContext {
  readonly client: KubeClient
  readonly manifests: ManifestReader
  readonly signal: AbortSignal
}

/**
 * Objects of a manifest with what Helm adds to them: ownership metadata and, for namespaced kinds without one, the release's namespace.
 *
 * @throws EngineError `release-manifest-invalid`; `kube-kind-unknown` for a kind that the cluster does not serve.
 */
export async function releaseObjects(
  { client, manifests, signal }: ObjectsContext,
  release: ReleaseName,
  manifest: string,
): Promise<readonly KubeObject[]> {
  const objects = manifests.read(release, manifest)
  return await Promise.all(objects.map((object) => withOwnership(client, release, object, signal)))
}

function readManifest(release: ReleaseName, manifest: string): readonly KubeObject[] {
  const parsed = parseDocuments(manifest, { dialect: 'sigs' })
  const broken = parsed.diagnostics.find((finding) => finding.severity === 'error')
  if (broken !== undefined)
    throw new EngineError(`manifest of release ${release.name} does not parse: ${broken.message}`, {
      code: 'release-manifest-invalid',
    })
  return parsed.documents
    .filter((document) => !document.empty)
    .flatMap((document) => expandList(document.value as KubeObject))
}

function expandList(object: KubeObject): readonly KubeObject[] {
  const items = object['items']
  if (typeof object['kind'] === 'string' && object['kind'].endsWith('List') && Array.isArray(items))
    return (items as KubeObject[]).flatMap(expandList)
  return [object]
}

async function withOwnership(
  client: KubeClient,
  release: ReleaseName,
  object: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject> {
  const kind = { apiVersion: scalarText(object['apiVersion']), kind: scalarText(object['kind']) }
  const { namespaced } = await client.resource(kind, { signal })
  return ownedBy(release, object, namespaced)
}

/** An object with what Helm adds to it; see {@link releaseObjects}. */
export function ownedBy(release: ReleaseName, object: KubeObject, isNamespaced: boolean): KubeObject {
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  metadata['labels'] = { ...mapOf(metadata['labels']), [labels.managedBy]: 'Helm' }
  metadata['annotations'] = {
    ...mapOf(metadata['annotations']),
    [annotations.helmReleaseName]: release.name,
    [annotations.helmReleaseNamespace]: release.namespace,
  }
  if (!isNamespaced) delete metadata['namespace']
  else if (namespaceOf(object) === '') metadata['namespace'] = release.namespace
  return { ...object, metadata }
}

/** Whether a live object shows that applying `object` to it changes nothing: as Helm sends it, or as Flux puts it back. */
export function isProvenUnchanged(object: KubeObject, live: KubeObject): boolean {
  const isUnchanged = (wanted: KubeObject): boolean =>
    detectDrift(wanted, live, fieldManagers.helm).verdict === 'unchanged'
  return isUnchanged(object) || isUnchanged(normalizeObject(object))
}

/** A map, or an empty one for anything else. */
export function mapOf(value: unknown): KubeMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as KubeMap) : {}
}

/** The key of an object that has its namespace filled in. */
export function keyOfObject(object: KubeObject): ObjectKey {
  const namespace = namespaceOf(object)
  return {
    apiVersion: scalarText(object['apiVersion']),
    kind: scalarText(object['kind']),
    name: nameOf(object),
    ...(namespace === '' ? {} : { namespace }),
  }
}

/** Objects of `before` that `after` no longer has. */
export function removedObjects(before: readonly KubeObject[], after: readonly KubeObject[]): readonly KubeObject[] {
  const kept = new Set(after.map((object) => objectIdKey(objectIdOf(object))))
  return before.filter((object) => !kept.has(objectIdKey(objectIdOf(object))))
}

/** What is wrong with the ownership metadata of a live object, or undefined where it is the release's (Helm v4 pkg/action, validate). */
export function whyNotOwned(live: KubeObject, release: ReleaseName): string | undefined {
  const metadata = mapOf(live['metadata'])
  const problems: string[] = []
  const require = (part: 'label' | 'annotation', key: string, wanted: string): void => {
    const value = mapOf(metadata[`${part}s`])[key]
    if (value === wanted) return
    problems.push(
      value === undefined
        ? `${part} validation error: missing key "${key}": must be set to "${wanted}"`
        : `${part} validation error: key "${key}" must equal "${wanted}": current value is "${scalarText(value)}"`,
    )
  }
  require('label', labels.managedBy, 'Helm')
  require('annotation', annotations.helmReleaseName, release.name)
  require('annotation', annotations.helmReleaseNamespace, release.namespace)
  return problems.length === 0 ? undefined : `invalid ownership metadata; ${problems.join('; ')}`
}

/**
 * Which of the objects are there already. With `mustOwn`, one that does not belong to the release is refused.
 *
 * @throws EngineError `release-object-foreign`.
 */
export async function findExisting(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: { readonly mustOwn: ReleaseName | undefined; readonly concurrency: number; readonly signal: AbortSignal },
): Promise<readonly KubeObject[]> {
  const found = await mapLimit(objects, options.concurrency, async (object) => {
    const live = await client
      .get<KubeObject>(keyOfObject(object), { metadataOnly: true, signal: options.signal })
      .catch((error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error)))
    if (live === undefined) return undefined
    const problem = options.mustOwn === undefined ? undefined : whyNotOwned(live, options.mustOwn)
    if (problem !== undefined) {
      throw new EngineError(
        `${scalarText(object['kind'])} "${nameOf(object)}" in namespace "${namespaceOf(object)}" exists and cannot be imported into the current release: ${problem}`,
        { code: 'release-object-foreign', disposition: 'retry' },
      )
    }
    return object
  })
  return found.filter((object) => object !== undefined)
}

/** An object that was deleted. `isGone`: nothing is left of it (no finalizer, no grace period). */
export interface DeletedObject {
  readonly object: KubeObject
  readonly isGone: boolean
}

export interface DeleteOptions {
  readonly release: ReleaseName
  /** Leaves objects alone whose live ownership metadata names another release. */
  readonly ownedOnly: boolean
  readonly propagation: 'Background' | 'Foreground' | 'Orphan'
  readonly concurrency: number
  readonly signal: AbortSignal
}

/**
 * Deletes objects, last installed first and those of one kind at the same time, but for those whose manifest or live annotation says
 * `helm.sh/resource-policy: keep`. Returns those deleted, and whether they are gone already.
 *
 * @throws EngineError `release-delete-failed` with every failure, after everything that could be deleted was.
 */
export async function deleteReleaseObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: DeleteOptions,
): Promise<readonly DeletedObject[]> {
  const deleted: DeletedObject[] = []
  const failures: ObjectFailure[] = []
  for (const group of groupByKind(objects, compareForHelmUninstall)) {
    await mapLimit(group, options.concurrency, async (object) => {
      try {
        const outcome = await deleteObject(client, object, options)
        if (outcome !== 'kept') deleted.push({ object, isGone: outcome !== 'deleting' })
      } catch (error) {
        if (concernsRun(error)) throw error
        failures.push({ text: `${scalarText(object['kind'])}/${nameOf(object)}: ${messageOf(error)}`, error })
      }
    })
  }
  if (failures.length > 0) throw failureOfObjects('release-delete-failed', failures, '; ')
  return deleted
}

async function deleteObject(
  client: KubeClient,
  object: KubeObject,
  options: DeleteOptions,
): Promise<DeleteOutcome | 'kept'> {
  const { signal } = options
  if (isKept(object)) return 'kept'
  const key = keyOfObject(object)
  const live = await client
    .get<KubeObject>(key, { metadataOnly: true, signal })
    .catch((error: unknown) => (isGone(error) ? undefined : Promise.reject(error)))
  if (live === undefined || isKept(live)) return 'kept'
  if (options.ownedOnly && whyNotOwned(live, options.release) !== undefined) return 'kept'
  const uid = scalarText(mapOf(live['metadata'])['uid'])
  try {
    return await client.delete(key, { propagation: options.propagation, uid, signal })
  } catch (error) {
    // Another object of that name was made since: it is not ours to delete.
    if (isGone(error) || (error instanceof EngineError && error.code === 'kube-conflict')) return 'absent'
    throw error
  }
}

/** True for an object that its release leaves behind. */
export function isKept(object: KubeObject): boolean {
  const policy = mapOf(mapOf(object['metadata'])['annotations'])['helm.sh/resource-policy']
  return typeof policy === 'string' && policy.trim().toLowerCase() === 'keep'
}

/** Not there, or of a kind that is not served any more. */
export function isGone(error: unknown): boolean {
  return isNotFound(error) || (error instanceof EngineError && error.code === 'kube-kind-unknown')
}

/** The text of an error of one object. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error'
}

/** Objects in groups of one kind, in the order given. */
export function groupByKind(
  objects: readonly KubeObject[],
  compare: (kindA: string, kindB: string) => number,
): readonly (readonly KubeObject[])[] {
  const groups: KubeObject[][] = []
  for (const object of objects.toSorted((a, b) => compare(scalarText(a['kind']), scalarText(b['kind'])))) {
    const last = groups.at(-1)
    if (last !== undefined && last[0]?.['kind'] === object['kind']) last.push(object)
    else groups.push([object])
  }
  return groups
}
