import { TypedMap, type CollectionType } from '../../template/index.ts'

/** Go's nil map: empty in everything, but printed as null in YAML and JSON. */
export class NilMap extends TypedMap {
  override get isNil(): boolean {
    return this.size === 0
  }
}

/** The type of maps that parsers make. */
export const ANY_TABLE: CollectionType = Object.freeze({
  name: 'map[string]interface {}',
  elem: 'interface {}',
  zero: null,
})

/** True for a nil map; one that something was put into is none any more (Go would have failed there). */
export function isNilMap(value: unknown): boolean {
  return value instanceof NilMap && value.size === 0
}
