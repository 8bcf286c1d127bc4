import { isEngineError } from '../../base/index.ts'
import { fromBytes, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { readYaml } from '../yaml-text.ts'
import { parseValuesDocuments } from '../values/documents.ts'
import type { Chart, ChartFile } from './chart.ts'
import type { Decoded } from './decode.ts'
import type { ChartLimits } from './limits.ts'
import { decodeLock, decodeMetadata, validateMetadata, type ChartLock } from './metadata.ts'
import { readArchive } from './archive.ts'

/** A file of a chart, its path relative to the chart. */
export type LoadedFile = ChartFile

interface Context {
  readonly limits: ChartLimits
  readonly depth: number
  /** The apiVersion is not looked at. */
  readonly anyApiVersion?: boolean
}

interface Parts {
  metadata: Decoded | undefined
  lock: ChartLock | undefined
  values: GoMap | undefined
  schema: Uint8Array | undefined
  readonly templates: ChartFile[]
  readonly files: ChartFile[]
  readonly children: Map<string, LoadedFile[]>
  readonly warnings: string[]
}

/**
 * Makes a chart of its files (Helm v4 loader.LoadFiles): each has its place by name, `charts/` becomes sub-charts.
 *
 * @throws EngineError `chart-invalid` and those of archives.
 */
export function assembleChart(files: readonly LoadedFile[], context: Context): Chart {
  if (context.depth > context.limits.maxDepth) {
    throw helmError('chart-too-large', `chart has sub-charts more than ${context.limits.maxDepth} deep`)
  }
  const parts: Parts = {
    metadata: undefined,
    lock: undefined,
    values: undefined,
    schema: undefined,
    templates: [],
    files: [],
    children: new Map(),
    warnings: [],
  }
  for (const file of files) {
    if (file.name !== 'Chart.yaml') continue
    const fields = inFile(file, () => decodeMetadata(parse(file), parts.metadata ?? {}))
    // Helm 2 took charts that say nothing of their format.
    parts.metadata = (fields['apiVersion'] ?? '') === '' ? { ...fields, apiVersion: 'v1' } : fields
  }
  if (context.anyApiVersion !== true) checkApiVersion(parts.metadata)
  for (const file of files) place(file, parts)
  if (parts.metadata === undefined) throw helmError('chart-invalid', 'Chart.yaml file is missing')
  const metadata = validateMetadata(parts.metadata)
  const dependencies = loadChildren(parts.children, metadata.name, context)
  return {
    metadata,
    lock: parts.lock,
    templates: parts.templates,
    values: parts.values,
    schema: parts.schema,
    files: parts.files,
    raw: files,
    dependencies,
    warnings: [...parts.warnings, ...dependencies.flatMap((child) => child.warnings)],
  }
}

function checkApiVersion(metadata: Decoded | undefined): void {
  const version = metadata?.['apiVersion']
  if (version === undefined || version === 'v1' || version === 'v2') return
  // Helm reads v3 behind a gate only, and then refuses to install it.
  throw helmError('chart-invalid', version === 'v3' ? 'invalid chart apiVersion' : 'unsupported chart version')
}

function place(file: LoadedFile, parts: Parts): void {
  const { name } = file
  if (name === 'Chart.yaml') return
  if (name === 'Chart.lock') parts.lock = inFile(file, () => decodeLock(parse(file)))
  else if (name === 'values.yaml') parts.values = inFile(file, () => parseValuesDocuments(fromBytes(file.data)))
  else if (name === 'values.schema.json') parts.schema = file.data
  else if (name === 'requirements.yaml' || name === 'requirements.lock') placeRequirements(file, parts)
  else if (name.startsWith('templates/')) parts.templates.push(file)
  else if (name.startsWith('charts/') && !name.endsWith('.prov')) {
    const below = name.slice('charts/'.length)
    const slash = below.indexOf('/')
    const child = slash < 0 ? below : below.slice(0, slash)
    const known = parts.children.get(child)
    if (known === undefined) parts.children.set(child, [{ name: below, data: file.data }])
    else known.push({ name: below, data: file.data })
  } else parts.files.push(file)
}

/** Dependencies of charts of apiVersion v1 stand in files of their own. */
function placeRequirements(file: LoadedFile, parts: Parts): void {
  const metadata = parts.metadata ?? {}
  const isV1 = metadata['apiVersion'] === 'v1'
  if (file.name === 'requirements.yaml') {
    if (!isV1)
      parts.warnings.push(
        'Warning: Dependencies are handled in Chart.yaml since apiVersion "v2". We recommend migrating dependencies to Chart.yaml.',
      )
    parts.metadata = inFile(file, () => decodeMetadata(parse(file), metadata))
  } else {
    if (!isV1)
      parts.warnings.push(
        'Warning: Dependency locking is handled in Chart.lock since apiVersion "v2". We recommend migrating to Chart.lock.',
      )
    parts.lock = inFile(file, () => decodeLock(parse(file)))
  }
  if (isV1) parts.files.push(file)
}

function parse(file: LoadedFile): Value {
  return readYaml(fromBytes(file.data))
}

function inFile<T>(file: LoadedFile, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw helmError('chart-invalid', `cannot load ${file.name}: ${error.message}`, { cause: error })
  }
}

function loadChildren(children: ReadonlyMap<string, readonly LoadedFile[]>, parent: string, context: Context): Chart[] {
  const charts: Chart[] = []
  for (const [name, files] of [...children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (name.startsWith('_') || name.startsWith('.')) continue
    try {
      charts.push(loadChild(name, files, context))
    } catch (error) {
      if (!isEngineError(error)) throw error
      throw helmError('chart-invalid', `error unpacking subchart ${name} in ${parent}: ${error.message}`, {
        cause: error,
      })
    }
  }
  return charts
}

function loadChild(name: string, files: readonly LoadedFile[], context: Context): Chart {
  const below = { ...context, depth: context.depth + 1 }
  if (name.endsWith('.tgz')) {
    const [archive] = files
    if (archive === undefined || archive.name !== name) {
      throw helmError('chart-invalid', `expected ${name}, got ${archive?.name ?? 'nothing'}`)
    }
    return assembleChart(readArchive(archive.data, context.limits), below)
  }
  const inside = files.flatMap((file) => {
    const slash = file.name.indexOf('/')
    // A file that lies in charts/ itself is no chart.
    return slash < 0 ? [] : [{ name: file.name.slice(slash + 1), data: file.data }]
  })
  return assembleChart(inside, below)
}
