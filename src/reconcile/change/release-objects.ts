import { isEngineError, joinPath } from '../../base/index.ts'
import { keyOf, type KubeClient } from '../../kube/index.ts'
import { gvkOf, isMap, namespaceOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { createManifestReader, ownedBy, type ReleaseName } from '../helmrelease/objects.ts'
import type { PostRendered } from '../helmrelease/post-render.ts'
import type { FormObject } from './pair-objects.ts'

/** What the objects of a release are made of. */
export interface ReleaseParts {
  readonly client: KubeClient
  readonly release: ReleaseName
  readonly rendered: PostRendered
  /** Of `crds/`, and whether those that are there already are applied, too. */
  readonly definitions: { readonly found: readonly KubeObject[]; readonly areReplaced: boolean }
  /** Whether the cluster may be asked what it has. */
  readonly isAsked: boolean
  /** The directory of the chart in the repository; undefined for a chart from elsewhere. */
  readonly directory: string | undefined
  readonly signal: AbortSignal
}

/** The objects of a rendered release as they would be applied, and its hooks, each with the file of the chart that it comes from. */
export async function releaseFormObjects(
  parts: ReleaseParts,
): Promise<{ readonly objects: readonly FormObject[]; readonly hooks: readonly FormObject[] }> {
  const { release, rendered, directory } = parts
  const isNamespaced = scopes(parts)
  const read = async (source: string, text: string, mark = ''): Promise<readonly FormObject[]> => {
    // Of one rendering; what is kept between runs must not hold all of them.
    const objects = createManifestReader().read(release, text)
    const place = directory === undefined ? {} : { file: joinPath(directory, source.split('/').slice(1).join('/')) }
    return await Promise.all(
      objects.map(async (object) => ({
        object: ownedBy(release, object, await isNamespaced(object)),
        source: `${mark}${source}`,
        ...place,
      })),
    )
  }
  const objects = await Promise.all(rendered.parts.map(({ source, text }) => read(source, text)))
  const hooks = await Promise.all(rendered.hooks.map(({ path, manifest }) => read(path, manifest, 'hook ')))
  const definitions = (await wantedDefinitions(parts)).map((object) => ({ object, source: 'crds' }))
  return { objects: [...definitions, ...objects.flat()], hooks: hooks.flat() }
}

/** Definitions that would be applied: all, or those that the cluster has not. */
async function wantedDefinitions({
  client,
  definitions: { found, areReplaced },
  isAsked,
  signal,
}: ReleaseParts): Promise<readonly KubeObject[]> {
  if (areReplaced || !isAsked) return found
  const live = await Promise.all(found.map((one) => client.get(keyOf(one), { metadataOnly: true, signal })))
  return found.filter((_, index) => live[index] === undefined)
}

/** Whether kinds belong to namespaces. One that the cluster does not serve yet is what a definition of the chart says, or what the object looks like. */
function scopes({
  client,
  definitions,
  rendered,
  release,
  signal,
}: ReleaseParts): (object: KubeObject) => Promise<boolean> {
  const reader = createManifestReader()
  const defined = (): readonly KubeObject[] => [
    ...definitions.found,
    ...rendered.parts.flatMap(({ text }) => reader.read(release, text)),
  ]
  return async (object) => {
    const kind = { apiVersion: scalarText(object['apiVersion']), kind: scalarText(object['kind']) }
    try {
      return (await client.resource(kind, { signal })).namespaced
    } catch (error) {
      if (!isEngineError(error) || error.code !== 'kube-kind-unknown') throw error
      const scope = scopeIn(object, defined())
      return scope === undefined ? namespaceOf(object) !== '' : scope === 'Namespaced'
    }
  }
}

function scopeIn(object: KubeObject, objects: readonly KubeObject[]): string | undefined {
  const { group, kind } = gvkOf(object)
  for (const one of objects) {
    const { spec } = one
    if (gvkOf(one).kind !== 'CustomResourceDefinition' || !isMap(spec) || !isMap(spec['names'])) continue
    if (scalarText(spec['group']) === group && scalarText(spec['names']['kind']) === kind)
      return scalarText(spec['scope'])
  }
  return undefined
}
