import { isEngineError } from '../../base/index.ts'
import type { Value } from '../../template/index.ts'
import { decodeStruct, type Decoded, type StructShape } from '../chart/decode.ts'
import { helmError } from '../errors.ts'
import { readYaml } from '../yaml-text.ts'

/** What Helm reads of a document to sort it. */
export interface ManifestHead {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly annotations: ReadonlyMap<string, string>
  /** The whole document. */
  readonly value: Value
}

const METADATA: StructShape = { name: '', fields: { name: 'string', annotations: 'string-map' } }
const HEAD: StructShape = {
  name: 'SimpleHead',
  fields: { apiVersion: 'string', kind: 'string', metadata: { struct: METADATA } },
}
const none: ReadonlyMap<string, string> = Object.freeze(new Map<string, string>())

/**
 * Reads the head of one document of the file `path`. Everything a chart renders must have one: text, lists and YAML that does not parse are errors.
 *
 * @throws EngineError `manifest-invalid`.
 */
export function parseHead(document: string, path: string): ManifestHead {
  try {
    const value = readYaml(document)
    const decoded = decodeStruct(value, HEAD, 'util.SimpleHead')
    const metadata = (decoded['metadata'] ?? {}) as Decoded
    return {
      apiVersion: (decoded['apiVersion'] as string | undefined) ?? '',
      kind: (decoded['kind'] as string | undefined) ?? '',
      name: (metadata['name'] as string | undefined) ?? '',
      annotations: (metadata['annotations'] as ReadonlyMap<string, string> | undefined) ?? none,
      value,
    }
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw helmError('manifest-invalid', `YAML parse error on ${path}: ${error.message}`, {
      data: { path },
      cause: error,
    })
  }
}
