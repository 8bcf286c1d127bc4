import type { Diagnostic } from '../base/index.ts'
import { getKey, isMap, type KubeMap, type KubeValue, setKey } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import type { FieldSpec } from './config/field-spec.ts'
import { emptyConfig, mergeConfigs, type TransformerConfig } from './config/transformer-config.ts'
import { decode, type Shape } from './decode.ts'
import { problem, problems } from './problems.ts'

/** How deep references between definitions are followed. */
const MAX_DEPTH = 64

/** One definition; what else a schema says does not matter here. */
const DEFINITION: Shape = {
  fields: { Schema: { fields: { properties: 'any' } }, Dependencies: { list: 'text' } },
}

/**
 * Field specs from OpenAPI definitions of custom kinds (`crds`): fields marked as annotations, label selectors, names or references to
 * other objects (api/internal/accumulator, LoadConfigFromCRDs). What starts with a brace is JSON, anything else YAML. Throws for a file
 * that holds something else, such as a CustomResourceDefinition.
 */
export function configFromCrds(text: string, file: string): TransformerConfig {
  const definitions = readDefinitions(text, file)
  let result = emptyConfig
  for (const name of Object.keys(definitions)) {
    const properties = propertiesOf(definitions, name)
    if (!properties || !['kind', 'apiVersion', 'metadata'].every((key) => Object.hasOwn(properties, key))) continue
    result = mergeConfigs(result, fromDefinition(definitions, name))
  }
  return result
}

function readDefinitions(text: string, file: string): KubeMap {
  if (text === '') throw problem('kustomize-crds-invalid', 'the file is empty; list OpenAPI definitions', { file })
  const value = text.startsWith('{') ? readJson(text, file) : readYaml(text, file)
  if (value === null) return {}
  if (!isMap(value)) throw problem('kustomize-crds-invalid', 'must be a mapping of OpenAPI definitions', { file })
  const report: Diagnostic[] = []
  const result: KubeMap = {}
  for (const name of Object.keys(value)) {
    const definition = getKey(value, name) ?? null
    const place = (): Partial<Diagnostic> => ({ file })
    const decoded = decode(definition, DEFINITION, { strict: false, coerce: true, place }, report, name)
    if (decoded !== undefined) setKey(result, name, decoded)
  }
  if (report.length === 0) return result
  const hint = `crds takes OpenAPI definitions by name of their type, each with a Schema${
    Object.hasOwn(value, 'apiVersion') ? '; list objects such as this one under resources' : ''
  }`
  throw problems(report.map((one) => ({ ...one, message: `${one.message}; ${hint}` })))
}

function readJson(text: string, file: string): KubeValue {
  try {
    return JSON.parse(text) as KubeValue
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw problem('kustomize-crds-invalid', `a file that starts with '{' must be JSON: ${error.message}`, { file })
  }
}

function readYaml(text: string, file: string): KubeValue {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  return (documents[0]?.value ?? null) as KubeValue
}

function propertiesOf(definitions: KubeMap, name: string): KubeMap | undefined {
  const definition = getKey(definitions, name)
  const schema = isMap(definition) ? definition['Schema'] : undefined
  const properties = isMap(schema) ? getKey(schema, 'properties') : undefined
  return isMap(properties) ? properties : undefined
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
