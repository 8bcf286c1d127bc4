import type { HelmRelease } from '../../api/index.ts'
import type { Values } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { composeValues, inlineValues, type ValuesLayer } from './values.ts'

/** One value that a HelmRelease gives to its chart. */
export interface ExplainedValue {
  /** As `--set` would have it: `image.tag`, keys with dots escaped. */
  readonly path: string
  /** A scalar, a list, or an empty table. Undefined where it comes from a Secret. */
  readonly value: unknown
  /** The layer that set it last. */
  readonly from: string
}

interface Leaf {
  readonly value: unknown
  readonly layer: ValuesLayer
}

/**
 * The values of a HelmRelease, each with where it comes from. Reads its ConfigMaps and Secrets with `client`.
 *
 * @throws EngineError with reason `ValuesError` as a run of it would.
 */
export async function explainReleaseValues(
  client: KubeClient,
  object: HelmRelease,
  signal: AbortSignal,
): Promise<readonly ExplainedValue[]> {
  const layers: ValuesLayer[] = []
  const written = structuredClone((object.spec.values ?? {}) as Values)
  await composeValues(client, structuredClone(object), signal, (layer) => {
    const copy = structuredClone(layer)
    // A target path may have changed the inline tables in place; they have said what the object says.
    layers.push(layer.from === inlineValues ? { ...copy, own: written } : copy)
  })
  return explainValues(layers)
}

/**
 * Says of every value which layer set it last, in the order of the tables. Values of Secrets are left out, and so is what a later layer replaced.
 * The chart's own defaults are not part of it. Pure.
 */
export function explainValues(layers: readonly ValuesLayer[]): readonly ExplainedValue[] {
  const leaves = new Map<string, Leaf>()
  for (const layer of layers) {
    const after = flatten(layer.values)
    const own = layer.own === undefined ? undefined : flatten(layer.own)
    for (const [path, value] of after) {
      const known = leaves.get(path)
      // A layer with a text of its own has set what it names, also to what it was; what only differs is set by the layer, too. A table of an
      // earlier layer that a target path has changed in place does not count as named.
      const isNamed = own?.has(path) === true && isSame(own.get(path), value)
      const isSet = isNamed || known === undefined || !isSame(known.value, value)
      if (isSet) leaves.set(path, { value, layer })
    }
    for (const path of leaves.keys()) if (!after.has(path)) leaves.delete(path)
  }
  const last = layers.at(-1)
  if (last === undefined) return []
  return [...flatten(last.values).keys()].flatMap((path) => {
    const leaf = leaves.get(path)
    if (leaf === undefined) return []
    return [{ path, value: leaf.layer.isSecret ? undefined : leaf.value, from: leaf.layer.from }]
  })
}

/** Scalars, lists and empty tables by their path. */
function flatten(values: Values, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(values)) {
    const path = `${prefix}${key.replaceAll('\\', '\\\\').replaceAll('.', '\\.')}`
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isTable || Object.keys(value).length === 0) found.set(path, value)
    else for (const [below, leaf] of flatten(value as Values, `${path}.`)) found.set(below, leaf)
  }
  return found
}

function isSame(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner))
  return text(a) === text(b)
}
