import { FunctionError, GoInt, GoObject, isFunction, typeName, type Run, type Value } from '../../template/index.ts'
import { formatFloat, type YamlScalarSource } from '../../yaml/index.ts'
import { toBase64 } from '../../base/index.ts'
import { isNilMap } from './nil-map.ts'

/** What the YAML printer takes: JSON with Maps for objects, and bigints for integers that a double cannot hold. */
export type YamlData = null | boolean | number | bigint | string | YamlScalarSource | YamlData[] | Map<string, YamlData>

/** What a node of a value counts for, in characters. */
const NODE_COST = 32

/** Counts every node of a value as {@link toYamlData} does, for printers that do not count by themselves. */
export function countNodes(run: Pick<Run, 'allocate'>, value: Value): void {
  run.allocate(typeof value === 'string' ? value.length + NODE_COST : NODE_COST)
  if (Array.isArray(value)) for (const item of value) countNodes(run, item)
  else if (value instanceof Map) for (const item of value.values()) countNodes(run, item)
}

/**
 * A template value as sigs.k8s.io/yaml prints it, which goes through JSON: []byte is base64, structs have their JSON names.
 *
 * @param form `go-yaml` as Helm's toYamlPretty asks it, without the way through JSON: nil maps are empty ones, bytes are numbers.
 * @throws FunctionError with Go's message for what JSON cannot hold.
 */
export function toYamlData(run: Pick<Run, 'allocate'>, value: Value, form: 'json' | 'go-yaml' = 'json'): YamlData {
  // A value may hold one list many times, and that one another: what is made of it is counted while it is made.
  run.allocate(typeof value === 'string' ? value.length + NODE_COST : NODE_COST)
  if (value === undefined || value === null) return null
  switch (typeof value) {
    case 'number':
      if (form === 'go-yaml') return { toYamlScalar: () => ({ kind: 'float', text: formatFloat(value) }) }
      if (!Number.isFinite(value)) throw new FunctionError(`json: unsupported value: ${floatText(value)}`)
      return value
    case 'object':
      break
    default:
      return value
  }
  if (Array.isArray(value)) return value.map((item) => toYamlData(run, item, form))
  if (isNilMap(value) && form === 'json') return null
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, toYamlData(run, item, form)] as const))
  if (value instanceof GoInt) return value.n
  if (value instanceof Uint8Array) return form === 'json' ? toBase64(value) : [...value].map(BigInt)
  if (!(value instanceof GoObject) || isFunction(value)) {
    throw new FunctionError(`json: unsupported type: ${typeName(value)}`)
  }
  const json = value.toJson()
  return json === undefined ? toYamlData(run, new Map(value.fields), form) : toYamlData(run, json, form)
}

function floatText(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
