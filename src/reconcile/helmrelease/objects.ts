import { fieldManagers } from '../../api/index.ts'
import { EngineError, mapLimit } from '../../base/index.ts'
import type { KubeClient, ObjectKey } from '../../kube/index.ts'
import {
  compareForHelmInstall,
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
import type { Release } from '../../helm/index.ts'

/** Objects of a release with what Helm adds to them: ownership metadata and, for namespaced kinds without one, the release's namespace. */
export async function releaseObjects(
  client: KubeClient,
  release: Release,
  manifest: string,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const parsed = parseDocuments(manifest, { dialect: 'sigs' })
  const broken = parsed.diagnostics.find((finding) => finding.severity === 'error')
  if (broken !== undefined)
    throw new EngineError(`manifest of release ${release.name} does not parse: ${broken.message}`, {
      code: 'release-manifest-invalid',
    })
  const objects = parsed.documents
    .filter((document) => !document.empty)
    .flatMap((document) => expandList(document.value as KubeObject))
  return await mapLimit(objects, 16, async (object) => await withOwnership(client, release, object, signal))
}

function expandList(object: KubeObject): readonly KubeObject[] {
  const items = object['items']
  if (typeof object['kind'] === 'string' && object['kind'].endsWith('List') && Array.isArray(items))
    return items as KubeObject[]
  return [object]
}

async function withOwnership(
  client: KubeClient,
  release: Release,
  object: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject> {
  const resource = await client.resource(
    { apiVersion: scalarText(object['apiVersion']), kind: scalarText(object['kind']) },
    { signal },
  )
  const metadata: KubeMap = isMap(object['metadata']) ? { ...object['metadata'] } : {}
  metadata['labels'] = { ...mapOf(metadata['labels']), 'app.kubernetes.io/managed-by': 'Helm' }
  metadata['annotations'] = {
    ...mapOf(metadata['annotations']),
    'meta.helm.sh/release-name': release.name,
    'meta.helm.sh/release-namespace': release.namespace,
  }
  if (resource.namespaced && namespaceOf(object) === '') metadata['namespace'] = release.namespace
  return { ...object, metadata }
}

function mapOf(value: unknown): KubeMap {
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

/**
 * Applies objects in Helm's install order, those of one kind at the same time, with Flux's field manager for Helm (Helm v4 server-side
 * apply: conflicts are forced, unknown fields refused). Collects every error of a kind before giving up.
 */
export async function applyReleaseObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: { readonly concurrency: number; readonly signal: AbortSignal },
): Promise<void> {
  const sorted = objects.toSorted((a, b) => compareForHelmInstall(scalarText(a['kind']), scalarText(b['kind'])))
  for (let start = 0; start < sorted.length;) {
    let end = start
    while (end < sorted.length && sorted[end]?.['kind'] === sorted[start]?.['kind']) end += 1
    const errors: string[] = []
    await mapLimit(sorted.slice(start, end), options.concurrency, async (object) => {
      try {
        await applyReleaseObject(client, object, options.signal)
      } catch (error) {
        if (error instanceof EngineError && (error.code === 'cluster-unreachable' || error.code === 'aborted'))
          throw error
        errors.push(
          `${scalarText(object['kind'])}/${namespaceOf(object)}/${nameOf(object)}: ${error instanceof Error ? error.message : 'unknown error'}`,
        )
      }
    })
    if (errors.length > 0)
      throw new EngineError(errors.join('\n'), { code: 'release-apply-failed', disposition: 'retry' })
    start = end
  }
}

/** Applies one object of a release. */
export async function applyReleaseObject(
  client: KubeClient,
  object: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject> {
  return await client.patch(
    keyOfObject(object),
    { type: 'apply', body: object, force: true },
    { fieldManager: fieldManagers.helm, fieldValidation: 'Strict', signal },
  )
}

/** Objects of `before` that `after` no longer has. */
export function removedObjects(before: readonly KubeObject[], after: readonly KubeObject[]): readonly KubeObject[] {
  const kept = new Set(after.map((object) => objectIdKey(objectIdOf(object))))
  return before.filter((object) => !kept.has(objectIdKey(objectIdOf(object))))
}

/** Deletes objects, last installed first, but for those whose live annotation says `helm.sh/resource-policy: keep`. Returns the ids deleted. */
export async function deleteReleaseObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const deleted: KubeObject[] = []
  for (const object of objects.toSorted((a, b) =>
    compareForHelmInstall(scalarText(b['kind']), scalarText(a['kind'])),
  )) {
    const key = keyOfObject(object)
    const live = await client.get<KubeObject>(key, { metadataOnly: true, signal })
    if (live === undefined) continue
    const metadata = mapOf(live['metadata'])
    if (mapOf(metadata['annotations'])['helm.sh/resource-policy'] === 'keep') continue
    await client.delete(key, { propagation: 'Background', uid: scalarText(metadata['uid']), signal })
    deleted.push(object)
  }
  return deleted
}
