import {
  ANY,
  FunctionError,
  goMethod,
  STRING,
  TypedMap,
  type CollectionType,
  type GoFunction,
  type GoMap,
  type Value,
} from '../../template/index.ts'
import { scalarAt, tableAt } from '../values/tables.ts'
import { toYaml } from './serialise.ts'

/**
 * `.Values`: a table with the methods of Helm's common.Values. It is a view: what a template sets through it shows in the table, so that a parent's
 * `.Values.sub` and the sub-chart's `.Values` are one, as they are in Go.
 */
export class ValuesView extends TypedMap {
  readonly table: GoMap

  constructor(table: GoMap) {
    super(VALUES_TYPE)
    this.table = table
  }

  override get unnamed(): GoMap {
    return this.table
  }

  override get size(): number {
    // Map's own constructor looks at nothing of this, but the engine may ask before the table is set.
    return this.table.size
  }

  override get(key: string): Value {
    return this.table.get(key)
  }

  override has(key: string): boolean {
    return this.table.has(key)
  }

  override set(key: string, value: Value): this {
    this.table.set(key, value)
    return this
  }

  override delete(key: string): boolean {
    return this.table.delete(key)
  }

  override clear(): void {
    this.table.clear()
  }

  override keys(): MapIterator<string> {
    return this.table.keys()
  }

  override values(): MapIterator<Value> {
    return this.table.values()
  }

  override entries(): MapIterator<[string, Value]> {
    return this.table.entries()
  }

  override [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.table[Symbol.iterator]()
  }

  override forEach(visit: (value: Value, key: string, map: Map<string, Value>) => void): void {
    this.table.forEach((value, key) => visit(value, key, this))
  }
}

const METHODS: readonly GoFunction[] = [
  goMethod('AsMap', [], (_run, values: ValuesView) => values.table),
  goMethod('YAML', [], (run, values: ValuesView) => `${toYaml(run, values.table)}\n`),
  goMethod('Table', [STRING], (_run, values: ValuesView, path) => {
    const table = tableAt(values.table, path)
    if (table === undefined) throw new FunctionError(`${JSON.stringify(path)} is not a table`)
    return new ValuesView(table)
  }),
  goMethod('PathValue', [STRING], (_run, values: ValuesView, path) => {
    if (path === '') throw new FunctionError('YAML path cannot be empty')
    const value = scalarAt(values.table, path)
    if (value === undefined)
      throw new FunctionError(`${JSON.stringify(path.slice(path.lastIndexOf('.') + 1))} is not a value`)
    return value
  }),
  goMethod('Encode', [ANY], () => {
    throw new FunctionError('Encode needs a writer, which templates do not have')
  }),
]

const VALUES_TYPE: CollectionType = Object.freeze({
  name: 'common.Values',
  elem: 'interface {}',
  zero: null,
  methods: new Map(METHODS.map((method) => [method.name, method])),
})
