import { getKey, isMap, type KubeMap, type KubeValue } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import type { FieldSpec } from './config/field-spec.ts'
import { emptyConfig, mergeConfigs, type TransformerConfig } from './config/transformer-config.ts'
import { problems } from './problems.ts'

/** How deep references between definitions are followed. */
const MAX_DEPTH = 64

/**
 * Field specs from OpenAPI definitions of custom kinds (`crds`): fields marked as annotations, label selectors, names or references to
 * other objects (api/internal/accumulator, LoadConfigFromCRDs).
 */
export function configFromCrds(text: string, file: string): TransformerConfig {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const definitions = documents[0]?.value as KubeValue | undefined
  let result = emptyConfig
  if (!isMap(definitions)) return result
  for (const name of Object.keys(definitions)) {
    const properties = propertiesOf(definitions, name)
    if (!properties || !['kind', 'apiVersion', 'metadata'].every((key) => Object.hasOwn(properties, key))) continue
    result = mergeConfigs(result, fromDefinition(definitions, name))
  }
  return result
}

function propertiesOf(definitions: KubeMap, name: string): KubeMap | undefined {
  const definition = getKey(definitions, name)
  const schema = isMap(definition) ? getField(definition, 'Schema') : undefined
  const properties = isMap(schema) ? getKey(schema, 'properties') : undefined
  return isMap(properties) ? properties : undefined
}

/** Go's JSON reader takes field names in any case. */
function getField(map: KubeMap, name: string): KubeValue | undefined {
  return getKey(map, name) ?? Object.entries(map).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
}

function fromDefinition(definitions: KubeMap, typeName: string): TransformerConfig {
  const kind = typeName.split('.').at(-1) ?? ''
  let result = emptyConfig
  const add = (part: Partial<TransformerConfig>): void => {
    result = mergeConfigs(result, { ...emptyConfig, ...part })
  }
  const visit = (name: string, path: readonly string[]): void => {
    const properties = propertiesOf(definitions, name)
    if (!properties || path.length > MAX_DEPTH) return
    for (const key of Object.keys(properties)) {
      const property = properties[key]
      if (!isMap(property)) continue
      const here = [...path, key]
      const spec = (parts: readonly string[]): FieldSpec => ({ kind, path: parts.join('/') })
      const mark = (extension: string): string | undefined => {
        const value = getKey(property, `x-kubernetes-${extension}`)
        return typeof value === 'string' ? value : undefined
      }
      if (mark('annotation') !== undefined) add({ commonAnnotations: [spec(here)] })
      if (mark('label-selector') !== undefined) add({ commonLabels: [spec(here)] })
      if (mark('identity') !== undefined) add({ namePrefix: [spec(here)] })
      const version = mark('object-ref-api-version')
      const target = mark('object-ref-kind')
      if (version !== undefined && target !== undefined) {
        add({
          nameReference: [
            { kind: target, version, referrers: [spec([...here, mark('object-ref-name-key') ?? 'name'])] },
          ],
        })
      }
      const reference = getKey(property, '$ref')
      if (typeof reference === 'string') visit(reference, here)
    }
  }
  visit(typeName, [])
  return result
}
