import { isEngineError, tryParseVersion } from '../../base/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import { helmRepositoryError } from './errors.ts'

/** One version of a chart in an index. */
export interface ChartVersion {
  readonly name: string
  readonly version: string
  readonly urls: readonly string[]
  /** SHA-256 of the packaged chart in hex; empty where the index has none. */
  readonly digest: string
  /** Milliseconds since 1970; undefined where the index does not say. */
  readonly created: number | undefined
}

/**
 * Reads the list of versions of one chart. Entries that are no valid chart are left out, as Helm does (v4 repo.loadIndex); what is null stays out too.
 *
 * @throws EngineError `helm-index-invalid` where the text is no list.
 */
export function parseEntries(chart: string, text: string): readonly ChartVersion[] {
  let value: unknown
  try {
    value = parseYaml(text, { dialect: 'sigs', limits: { maxLength: text.length + 1 } })
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw helmRepositoryError(
      'helm-index-invalid',
      `the entries of '${chart}' in the index cannot be read: ${error.message}`,
      {
        cause: error,
      },
    )
  }
  if (value === null || value === undefined) return []
  if (!Array.isArray(value))
    throw helmRepositoryError('helm-index-invalid', `the entries of '${chart}' in the index are no list`)
  return value.flatMap((entry) => readEntry(entry) ?? [])
}

function readEntry(entry: unknown): ChartVersion | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined
  const fields = entry as { readonly [field: string]: unknown }
  const name = scalarText(fields['name'])
  const version = scalarText(fields['version'])
  const type = scalarText(fields['type'])
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return undefined
  if (tryParseVersion(version) === undefined) return undefined
  if (type !== '' && type !== 'application' && type !== 'library') return undefined
  const created = Date.parse(scalarText(fields['created']))
  const urls = Array.isArray(fields['urls']) ? fields['urls'].filter((url) => typeof url === 'string') : []
  return {
    name,
    version,
    urls,
    digest: scalarText(fields['digest']).replace(/^sha256:/, ''),
    created: Number.isNaN(created) ? undefined : created,
  }
}

function scalarText(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}
