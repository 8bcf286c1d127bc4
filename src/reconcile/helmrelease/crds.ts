import { fieldManagers, groups, type CrdsPolicy } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import type { ChartCrd } from '../../helm/index.ts'
import { applyStaged, keyOf, type KubeClient } from '../../kube/index.ts'
import { gvkOf, isMap, type KubeObject } from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { idOf } from '../world.ts'
import { admitObjects } from './admit-release.ts'
import { label, originLabels } from './post-render.ts'
import { mapOf } from './objects.ts'
import type { ActionRequest } from './operation.ts'
import { failureOfObjects } from './passing-errors.ts'

/** The definitions in a chart's `crds/`. Objects of other kinds have no place there; `ignored` names them. */
export interface ChartDefinitions {
  readonly definitions: readonly KubeObject[]
  readonly ignored: readonly string[]
}

/** Reads `crds/` of a chart and of the charts below it that are on. @throws EngineError `chart-crds-invalid`. */
export function readDefinitions(crds: readonly ChartCrd[]): ChartDefinitions {
  const definitions: KubeObject[] = []
  const ignored: string[] = []
  for (const { source, file } of crds) {
    const parsed = parseDocuments(new TextDecoder().decode(file.data), { dialect: 'sigs' })
    const broken = parsed.diagnostics.find((finding) => finding.severity === 'error')
    if (broken !== undefined)
      throw new EngineError(`failed to parse CustomResourceDefinitions from ${source}: ${broken.message}`, {
        code: 'chart-crds-invalid',
      })
    for (const document of parsed.documents) {
      if (document.empty || !isMap(document.value as KubeObject)) continue
      const object = document.value as KubeObject
      const { group, kind } = gvkOf(object)
      if (group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition') definitions.push(object)
      else ignored.push(`${kind} in ${source}`)
    }
  }
  return { definitions, ignored }
}

/**
 * Applies the definitions of a chart before anything else of it, with the labels of their origin, and waits until they are served: new ones only
 * (`Create`, the default), or all (`CreateReplace`). Nothing ever deletes them. Returns whether anything was applied.
 *
 * @throws EngineError `crds-failed`, or another code where every failure passes; no release was stored then.
 */
export async function applyDefinitions(
  request: ActionRequest,
  found: ChartDefinitions,
  policy: CrdsPolicy,
  method: 'ssa' | 'csa',
): Promise<boolean> {
  const { ctx, attempt } = request
  if (found.ignored.length > 0)
    ctx.deps.logger.log(
      'warn',
      'objects in crds/ that are no CustomResourceDefinitions are ignored; move them to templates/',
      {
        object: idOf(attempt.object),
        objects: found.ignored.slice(0, 10),
      },
    )
  if (policy === 'Skip' || found.definitions.length === 0) return false
  const labelled = found.definitions.map((definition) => label(definition, originLabels(attempt.object), {}))
  const wanted = policy === 'Create' ? await missing(attempt.client, labelled, ctx.signal) : labelled
  if (wanted.length === 0) return false
  await admitObjects(ctx, attempt, wanted, '')
  const { metadata } = attempt.object
  const result =
    method === 'csa' && policy === 'CreateReplace'
      ? await replaceAll(attempt.client, wanted, ctx.signal)
      : await applyStaged(attempt.client, {
          objects: wanted,
          owner: { kind: 'HelmRelease', group: groups.helm, name: metadata.name, namespace: metadata.namespace ?? '' },
          fieldManager: fieldManagers.helm,
          signal: ctx.signal,
        })
  if (result.errors.length > 0) {
    const failures = result.errors.map(({ error }) => ({ text: error.message, error }))
    const { message, code } = failureOfObjects('crds-failed', failures, '\n')
    throw new EngineError(`failed to apply CustomResourceDefinitions: ${message}`, { code, disposition: 'retry' })
  }
  return true
}

async function missing(
  client: KubeClient,
  definitions: readonly KubeObject[],
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const isThere = async (definition: KubeObject): Promise<boolean> => {
    try {
      return (await client.get(keyOf(definition), { metadataOnly: true, signal })) !== undefined
    } catch (error) {
      // Whoever may not look may not make it either, which is the clearer thing to say.
      if (isEngineError(error) && error.code === 'kube-forbidden') return false
      throw error
    }
  }
  const found = await Promise.all(definitions.map(isThere))
  return definitions.filter((_, index) => found[index] === false)
}

/** Where server-side apply is off, definitions that are there are put in place as a whole; then all are applied as usual where they are new. */
async function replaceAll(
  client: KubeClient,
  definitions: readonly KubeObject[],
  signal: AbortSignal,
): ReturnType<typeof applyStaged> {
  const options = { fieldManager: fieldManagers.helm, signal }
  for (const definition of definitions) {
    const live = await client.get<KubeObject>(keyOf(definition), { metadataOnly: true, signal })
    if (live === undefined) await client.create(definition, options)
    else {
      const { resourceVersion } = mapOf(live['metadata'])
      const metadata = { ...mapOf(definition['metadata']), resourceVersion: resourceVersion ?? null }
      await client.update({ ...definition, metadata }, options)
    }
  }
  client.invalidateDiscovery()
  return { changes: [], errors: [] }
}
