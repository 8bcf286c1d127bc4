import type { HelmRelease } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { mergeValues, setValue, type Values } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { parseYaml } from '../../yaml/index.ts'

/**
 * The values a HelmRelease gives to its chart: `valuesFrom` in list order, then the inline `values` on top (helm-controller 1.6,
 * chartutil.ChartValuesFromReferences). Values of Secrets never enter a message.
 *
 * @throws EngineError with reason `ValuesError` for a reference that is missing and not optional, or that does not parse.
 */
export async function composeValues(client: KubeClient, object: HelmRelease, signal: AbortSignal): Promise<Values> {
  const namespace = object.metadata.namespace ?? ''
  const inline = (object.spec.values ?? {}) as Values
  let values: Values = {}
  for (const reference of object.spec.valuesFrom ?? []) {
    const key = reference.valuesKey ?? 'values.yaml'
    const place = `${reference.kind}/${namespace}/${reference.name}`
    const source = (await client.get(
      { apiVersion: 'v1', kind: reference.kind, namespace, name: reference.name },
      { signal },
    )) as { data?: { [key: string]: string } } | undefined
    const text = source?.data?.[key]
    if (text === undefined) {
      if (reference.optional === true) continue
      throw valuesError(source === undefined ? `could not find ${place}` : `missing key '${key}' in ${place}`)
    }
    const content = reference.kind === 'Secret' ? decode(text, place) : text
    values =
      reference.targetPath === undefined
        ? mergeValues(values, parseValues(content, place, key))
        : setAtPath(values, inline, reference, content, place)
  }
  return mergeValues(values, inline)
}

function setAtPath(
  values: Values,
  inline: Values,
  reference: { readonly targetPath?: string; readonly literal?: boolean },
  content: string,
  place: string,
): Values {
  const path = reference.targetPath ?? ''
  try {
    return setValue(mergeValues(values, inline), path, content, { literal: reference.literal === true })
  } catch (error) {
    // The parser's own message may quote the value.
    const code = isEngineError(error) ? error.code : 'unexpected'
    throw valuesError(
      `unable to merge the value of ${place} at target path '${path}' (${code}); quote it, or set literal: true`,
    )
  }
}

function parseValues(content: string, place: string, key: string): Values {
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
