import { isEngineError } from '../../base/index.ts'
import {
  ANY,
  FunctionError,
  goFunction,
  STRING,
  typeName,
  type GoFunction,
  type Run,
  type Value,
} from '../../template/index.ts'
import { decodeJson, encodeJson } from '../../sprig/index.ts'
import { printYaml } from '../../yaml/index.ts'
import { readYaml } from '../yaml-text.ts'
import { parseToml } from './toml-parse.ts'
import { printToml } from './toml-print.ts'
import { ANY_TABLE, isNilMap, NilMap } from './nil-map.ts'
import { countNodes, toYamlData } from './yaml-data.ts'

/** YAML without its last line break, '' for what YAML cannot hold: Helm's toYaml swallows errors. Also what `.Files.AsConfig` prints. */
export function toYaml(run: Pick<Run, 'allocate'>, value: Value): string {
  return orEmpty(() => mustToYaml(run, value))
}

function mustToYaml(run: Pick<Run, 'allocate'>, value: Value): string {
  const text = printYaml(toYamlData(run, value), { dialect: 'sigs' })
  run.allocate(text.length)
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

function toYamlPretty(run: Run, value: Value): string {
  const text = printYaml(toYamlData(run, value, 'go-yaml'), { dialect: 'sigs', indentLists: true })
  run.allocate(text.length)
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

function mustToJson(run: Run, value: Value): string {
  return isNilMap(value) ? 'null' : encodeJson(value, { escapeHtml: true }, run)
}

function mustToToml(run: Run, value: Value): string {
  // The encoder asks the value for its type before it looks at anything, and panics: toToml, too, fails.
  if (value === null || value === undefined) throw new NilToml('reflect: call of reflect.Value.Type on zero Value')
  countNodes(run, value)
  const text = printToml(value)
  run.allocate(text.length)
  return text
}

class NilToml extends FunctionError {}

/** compat(helm): these functions give '' instead of failing. */
function orEmpty(make: () => string): string {
  try {
    return make()
  } catch (error) {
    if (error instanceof FunctionError) return ''
    throw error
  }
}

/** compat(helm): parsers put the error's text under the key `Error`, or into a list of their own. */
function parsed(run: Run, text: string, wanted: 'table' | 'list', parse: (text: string) => Value): Value {
  run.allocate(text.length)
  let value: Value
  try {
    value = parse(text)
    if (value === null || value === undefined)
      return wanted === 'list' ? [] : parse === fromYaml ? new Map() : new NilMap(ANY_TABLE)
    if (wanted === 'table' ? value instanceof Map : Array.isArray(value)) return value
  } catch (error) {
    if (!isEngineError(error) || error.code === 'template-limit') throw error
    return failure(wanted, error.message)
  }
  const kind =
    value instanceof Map
      ? 'object'
      : Array.isArray(value)
        ? 'array'
        : typeName(value) === 'float64'
          ? 'number'
          : typeName(value)
  const type = wanted === 'table' ? 'map[string]interface {}' : '[]interface {}'
  return failure(wanted, `json: cannot unmarshal ${kind} into Go value of type ${type}`, parse === fromYaml)
}

function failure(wanted: 'table' | 'list', message: string, isYaml = false): Value {
  const text = isYaml ? `error unmarshaling JSON: while decoding JSON: ${message}` : message
  return wanted === 'table' ? new Map([['Error', text]]) : [text]
}

function fromYaml(text: string): Value {
  return readYaml(text)
}

/** Reading and printing YAML, JSON and TOML (Helm v4 pkg/engine funcs). */
export const serialisers: readonly GoFunction[] = [
  goFunction('toYaml', [ANY], (run, value) => toYaml(run, value)),
  goFunction('mustToYaml', [ANY], (run, value) => mustToYaml(run, value)),
  goFunction('toYamlPretty', [ANY], (run, value) => orEmpty(() => toYamlPretty(run, value))),
  goFunction('fromYaml', [STRING], (run, text) => parsed(run, text, 'table', fromYaml)),
  goFunction('fromYamlArray', [STRING], (run, text) => parsed(run, text, 'list', fromYaml)),
  goFunction('toJson', [ANY], (run, value) => orEmpty(() => mustToJson(run, value))),
  goFunction('mustToJson', [ANY], (run, value) => mustToJson(run, value)),
  goFunction('fromJson', [STRING], (run, text) => parsed(run, text, 'table', (json) => decodeJson(json, run))),
  goFunction('fromJsonArray', [STRING], (run, text) => parsed(run, text, 'list', (json) => decodeJson(json, run))),
  goFunction('toToml', [ANY], (run, value) => {
    try {
      return mustToToml(run, value)
    } catch (error) {
      // compat(helm): the error's text is the result.
      if (error instanceof FunctionError && !(error instanceof NilToml)) return error.message
      throw error
    }
  }),
  goFunction('mustToToml', [ANY], (run, value) => mustToToml(run, value)),
  goFunction('fromToml', [STRING], (run, text) => parsed(run, text, 'table', parseToml)),
]
