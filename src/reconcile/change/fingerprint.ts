import { artifactKeyOf, idOf, idOfKey, isSource, originOf, sourceKeyOf, type Source, type Workload } from '../world.ts'
import { renderReferences } from '../kustomization/inputs.ts'
import { followsChange } from './side-sources.ts'
import { hiddenOf, type Side, type Sides } from './side.ts'

/**
 * What an application of one side is made from as far as objects say it: its spec, its source, and the rendered ConfigMaps and Secrets that it takes values from. Equal on both sides: only files of its source can make
 * a difference. Objects that a secret is part of count as everybody may read them: that two are really equal would tell of a guess.
 */
export function fingerprint({ live }: Pick<Sides, 'live'>, side: Side, object: Workload): string {
  const specOf = (of: Workload | Source): unknown => side.shown.get(idOf(of))?.['spec'] ?? of.spec
  const sources = sourceChain(side, object).map((source) => [idOf(source), specOf(source)])
  const references = referencesOf(side, object).flatMap((id) => {
    if (!side.configs.has(id)) return []
    const config = side.shown.get(id) ?? side.configs.get(id)
    return [[id, config?.['data'] ?? null, config?.['stringData'] ?? null, config?.['binaryData'] ?? null]]
  })
  const { labels } = object.metadata
  const isServed = side.ctx.world.serves({ metadata: labels === undefined ? {} : { labels } })
  // Which values only the cluster has counts, and not what they are.
  const hidden = hiddenOf(live, side, object)
  return JSON.stringify([isServed, specOf(object), sources, references, hidden])
}

/** `Kind/namespace/name` of what the application takes values and keys from. */
export function referencesOf(side: Side, object: Workload): readonly string[] {
  if (object.kind === 'Kustomization')
    return renderReferences(object, side.ctx.deps.settings).map(
      ({ kind, namespace, name }) => `${kind}/${namespace}/${name}`,
    )
  const namespace = object.metadata.namespace ?? ''
  return (object.spec.valuesFrom ?? []).map(({ kind, name }) => `${kind}/${namespace}/${name}`)
}

/** Whether files of the change may be part of what the application is made from, on either side. */
export function hasChangedSource({ base, head, change }: Sides, object: Workload): boolean {
  return [base, head].some((side) =>
    sourceChain(side, object).some((source) => followsChange(side.ctx.world, source, change)),
  )
}

/** The sources of an application: what it renders, and what that is made from. */
function sourceChain(side: Side, object: Workload): readonly Source[] {
  const found = new Map<string, Source>()
  for (const key of [artifactKeyOf(object), sourceKeyOf(object)]) {
    const source = key === undefined ? undefined : side.ctx.world.get(idOfKey(key))
    if (!isSource(source)) continue
    found.set(idOf(source), source)
    const origin = originOf(source)
    const below = origin === undefined ? undefined : side.ctx.world.get(idOfKey(origin))
    if (isSource(below)) found.set(idOf(below), below)
  }
  return [...found.values()]
}
