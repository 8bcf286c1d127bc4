import { artifactKeyOf, idOf, idOfKey, isSource, originOf, sourceKeyOf, type Source, type Workload } from '../world.ts'
import { renderReferences } from '../kustomization/inputs.ts'
import { followsChange } from './side-sources.ts'
import { hiddenOf, type Side, type Sides } from './side.ts'

/** Looks at the applications of both sides as their worlds are now: to be made anew when those have changed. */
export interface Fingerprints {
  /**
   * What an application of one side is made from as far as objects say it: its spec, its source, and the rendered ConfigMaps and Secrets that it takes values from. Equal on both sides: only files of its source can make
   * a difference. Objects that a secret is part of count as everybody may read them: that two are really equal would tell of a guess. One line.
   */
  of(side: Side, object: Workload): string
  /** Whether files of the change may be part of what the application is made from, on either side. */
  hasChangedSource(object: Workload): boolean
}

/** The sources of applications: most of a cluster have the same. */
interface Chain {
  readonly text: string
  readonly followsChange: boolean
}

/** Texts of specs. Objects are replaced and never changed, so that each is made once for both sides and all rounds. */
export type SpecTexts = WeakMap<object, string>

/** See {@link Fingerprints}. */
export function createFingerprints({ live, base, head, change }: Sides, texts: SpecTexts): Fingerprints {
  const chains = { base: new Map<string, Chain>(), head: new Map<string, Chain>() }
  const chainOf = (side: Side, object: Workload): Chain => {
    const keys = [artifactKeyOf(object), sourceKeyOf(object)].map((key) => (key === undefined ? '' : idOfKey(key)))
    const id = keys.join(' ')
    const known = chains[side.name].get(id)
    if (known !== undefined) return known
    const sources = sourceChain(side, keys)
    const made = {
      text: sources.map((source) => `${JSON.stringify(idOf(source))}:${specText(texts, side, source)}`).join(','),
      followsChange: sources.some((source) => followsChange(side.ctx.world, source, change)),
    }
    chains[side.name].set(id, made)
    return made
  }
  return {
    of: (side, object) => {
      const { labels } = object.metadata
      const isServed = side.ctx.world.serves({ metadata: labels === undefined ? {} : { labels } })
      // Which values only the cluster has counts, and not what they are.
      const hidden = JSON.stringify(hiddenOf(live, side, object))
      const spec = specText(texts, side, object)
      return `${isServed} ${spec} [${chainOf(side, object).text}] ${configsText(side, object)} ${hidden}`
    },
    hasChangedSource: (object) => [base, head].some((side) => chainOf(side, object).followsChange),
  }
}

function specText(texts: SpecTexts, side: Side, object: Workload | Source): string {
  const shown = side.shown.get(idOf(object))?.['spec']
  const spec = typeof shown === 'object' && shown !== null ? shown : object.spec
  const text = texts.get(spec) ?? JSON.stringify(spec)
  texts.set(spec, text)
  return text
}

function configsText(side: Side, object: Workload): string {
  const found = referencesOf(side, object).flatMap((id) => {
    if (!side.configs.has(id)) return []
    const config = side.shown.get(id) ?? side.configs.get(id)
    return [[id, config?.['data'] ?? null, config?.['stringData'] ?? null, config?.['binaryData'] ?? null]]
  })
  return JSON.stringify(found)
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

/** What an application renders, and what that is made from, by the ids of its sources. */
function sourceChain(side: Side, ids: readonly string[]): readonly Source[] {
  const found = new Map<string, Source>()
  for (const id of ids) {
    const source = side.ctx.world.get(id)
    if (!isSource(source)) continue
    found.set(idOf(source), source)
    const origin = originOf(source)
    const below = origin === undefined ? undefined : side.ctx.world.get(idOfKey(origin))
    if (isSource(below)) found.set(idOf(below), below)
  }
  return [...found.values()]
}
