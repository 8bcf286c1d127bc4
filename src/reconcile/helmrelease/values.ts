import type { HelmRelease, ValuesReference } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { mergeValues, setValue, type Values } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { parseYaml } from '../../yaml/index.ts'

/** What the layer of the inline values is called. */
export const inlineValues = 'spec.values'

/** One step in which the values of a HelmRelease are put together. */
export interface ValuesLayer {
  /** Where it comes from: `ConfigMap/apps/common, key values.yaml`, or `spec.values`. */
  readonly from: string
  readonly isSecret: boolean
  /** What this layer says by itself; undefined where it sets a single place (`targetPath`). */
  readonly own: Values | undefined
  /** All values after it. */
  readonly values: Values
}

/**
 * The values a HelmRelease gives to its chart: `valuesFrom` in list order, then the inline `values` on top (helm-controller 1.6,
 * chartutil.ChartValuesFromReferences). Values of Secrets never enter a message.
 *
 * @param note Told of every step, with what it has found: tables are changed in place later, as they are in Go.
 * @throws EngineError with reason `ValuesError` for a reference that is missing and not optional, or that does not parse.
 */
export async function composeValues(
  client: KubeClient,
  object: HelmRelease,
  signal: AbortSignal,
  note: (layer: ValuesLayer) => void = () => undefined,
): Promise<Values> {
  return await composeFrom(object, valuesReader(client, object, signal), note)
}

/** The text that a reference means; undefined where there is none and need not be one. */
export type ReadValues = (reference: ValuesReference) => Promise<string | undefined>

/** Reads references of a HelmRelease from the cluster, each once. @throws EngineError with reason `ValuesError`. */
export function valuesReader(client: KubeClient, object: HelmRelease, signal: AbortSignal): ReadValues {
  const namespace = object.metadata.namespace ?? ''
  const read = async ({ kind, name, valuesKey, optional }: ValuesReference): Promise<string | undefined> => {
    const key = valuesKey ?? 'values.yaml'
    const place = `${kind}/${namespace}/${name}`
    const source = (await client.get({ apiVersion: 'v1', kind, namespace, name }, { signal })) as
      { data?: { [key: string]: string } } | undefined
    const text = source?.data?.[key]
    if (text !== undefined) return kind === 'Secret' ? decode(text, place) : text
    if (optional === true) return undefined
    throw valuesError(source === undefined ? `could not find ${place}` : `missing key '${key}' in ${place}`)
  }
  const known = new Map<string, Promise<string | undefined>>()
  return (reference) => {
    const id = JSON.stringify([reference.kind, reference.name, reference.valuesKey, reference.optional])
    const text = known.get(id) ?? read(reference)
    known.set(id, text)
    return text
  }
}

/** The same as {@link composeValues}, with texts from elsewhere. */
export async function composeFrom(
  object: HelmRelease,
  read: ReadValues,
  note: (layer: ValuesLayer) => void = () => undefined,
): Promise<Values> {
  const namespace = object.metadata.namespace ?? ''
  const inline = (object.spec.values ?? {}) as Values
  let values: Values = {}
  for (const reference of object.spec.valuesFrom ?? []) {
    const key = reference.valuesKey ?? 'values.yaml'
    const place = `${reference.kind}/${namespace}/${reference.name}`
    const content = await read(reference)
    if (content === undefined) continue
    const isSecret = reference.kind === 'Secret'
    const own = reference.targetPath === undefined ? parseValues(content, place, key) : undefined
    if (own === undefined) {
      // A single place is set in what all would be by now, the inline values included.
      values = mergeValues(values, inline)
      note({ from: inlineValues, isSecret: false, own: inline, values })
      values = setAtPath(values, reference, content, place)
    } else values = mergeValues(values, own)
    note({ from: `${place}, key ${key}`, isSecret, own, values })
  }
  values = mergeValues(values, inline)
  note({ from: inlineValues, isSecret: false, own: inline, values })
  return values
}

function setAtPath(
  values: Values,
  reference: { readonly targetPath?: string; readonly literal?: boolean },
  content: string,
  place: string,
): Values {
  const path = reference.targetPath ?? ''
  try {
    return setValue(values, path, content, { literal: reference.literal === true })
  } catch (error) {
    // The parser's own message may quote the value.
    const code = isEngineError(error) ? error.code : 'unexpected'
    throw valuesError(
      `unable to merge the value of ${place} at target path '${path}' (${code}); quote it, or set literal: true`,
    )
  }
}

/** A file of values. @throws EngineError with reason `ValuesError`, without any of its content. */
export function parseValues(content: string, place: string, key: string): Values {
  let parsed: unknown
  try {
    parsed = parseYaml(content, { dialect: 'sigs' })
  } catch {
    throw valuesError(`unable to read values from key '${key}' in ${place}: it is not valid YAML`)
  }
  if (parsed === null || parsed === undefined) return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw valuesError(`values of key '${key}' in ${place} must be a mapping`)
  return parsed as Values
}

function decode(text: string, place: string): string {
  try {
    return new TextDecoder('utf-8').decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)))
  } catch {
    throw valuesError(`${place} does not hold base64`)
  }
}

function valuesError(message: string): EngineError {
  return new EngineError(`could not resolve values: ${message}`, {
    code: 'values-unresolved',
    reason: 'ValuesError',
    disposition: 'retry',
  })
}
