import { tryParseVersion } from '../../base/index.ts'
import { isPrint, isSpace, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { decodeStruct, unknownField, type Decoded, type StructShape } from './decode.ts'

/** A person who maintains a chart. */
export interface ChartMaintainer {
  readonly name: string
  readonly email: string
  readonly url: string
}

/** An entry of `dependencies` in Chart.yaml (requirements.yaml for charts of apiVersion v1). */
export interface ChartDependency {
  name: string
  readonly version: string
  readonly repository: string
  readonly condition: string
  readonly tags?: readonly string[]
  enabled: boolean
  importValues?: readonly Value[]
  readonly alias: string
}

/** Chart.yaml (Helm v4 pkg/chart/v2 Metadata). Empty texts stand for missing fields. */
export interface ChartMetadata {
  name: string
  readonly home: string
  readonly sources?: readonly string[]
  readonly version: string
  readonly description: string
  readonly keywords?: readonly string[]
  readonly maintainers?: readonly ChartMaintainer[]
  readonly icon: string
  readonly apiVersion: string
  readonly condition: string
  readonly tags: string
  readonly appVersion: string
  readonly deprecated: boolean
  readonly annotations?: ReadonlyMap<string, string>
  readonly kubeVersion: string
  dependencies?: ChartDependency[]
  readonly type: string
}

/** Chart.lock (requirements.lock for charts of apiVersion v1). */
export interface ChartLock {
  readonly generated: string
  readonly digest: string
  readonly dependencies: readonly ChartDependency[]
}

const MAINTAINER: StructShape = { name: 'Maintainer', fields: { name: 'string', email: 'string', url: 'string' } }

const DEPENDENCY: StructShape = {
  name: 'Dependency',
  fields: {
    name: 'string',
    version: 'string',
    repository: 'string',
    condition: 'string',
    tags: 'strings',
    enabled: 'bool',
    'import-values': 'anys',
    alias: 'string',
  },
}

const METADATA: StructShape = {
  name: 'Metadata',
  fields: {
    name: 'string',
    home: 'string',
    sources: 'strings',
    version: 'string',
    description: 'string',
    keywords: 'strings',
    maintainers: { structs: MAINTAINER },
    icon: 'string',
    apiVersion: 'string',
    condition: 'string',
    tags: 'string',
    appVersion: 'string',
    deprecated: 'bool',
    annotations: 'string-map',
    kubeVersion: 'string',
    dependencies: { structs: DEPENDENCY },
    type: 'string',
  },
}

const LOCK: StructShape = {
  name: 'Lock',
  fields: { generated: 'string', digest: 'string', dependencies: { structs: DEPENDENCY } },
}

/** Reads Chart.yaml, or requirements.yaml on top of it, without validating. @throws EngineError `chart-invalid` for values of the wrong type. */
export function decodeMetadata(value: Value, into: Decoded): Decoded {
  return { ...into, ...decodeStruct(value, METADATA, 'v2.Metadata') }
}

/** The first field of Chart.yaml that charts do not have; undefined where there is none. */
export function unknownMetadataField(value: Value): string | undefined {
  return unknownField(value, METADATA)
}

/** Reads Chart.lock. */
export function decodeLock(value: Value): ChartLock {
  const fields = decodeStruct(value, LOCK, 'v2.Lock')
  const dependencies = (fields['dependencies'] ?? []) as readonly (Decoded | null)[]
  return {
    generated: text(fields, 'generated'),
    digest: text(fields, 'digest'),
    dependencies: dependencies.filter((d) => d !== null).map(dependencyOf),
  }
}

/**
 * Checks and cleans what {@link decodeMetadata} read (Helm v4 Metadata.Validate): spaces become blanks, characters that do not print are dropped.
 *
 * @throws EngineError `chart-invalid`, in Helm's words, with the first thing that is wrong.
 */
export function validateMetadata(fields: Decoded): ChartMetadata {
  const clean = (field: string): string => sanitize(text(fields, field))
  const name = clean('name')
  const apiVersion = text(fields, 'apiVersion')
  const version = text(fields, 'version')
  const type = text(fields, 'type')
  const list = (field: string): readonly string[] | undefined =>
    (fields[field] as readonly string[] | undefined)?.map(sanitize)
  if (apiVersion === '') throw invalid('chart.metadata.apiVersion is required')
  if (name === '') throw invalid('chart.metadata.name is required')
  if (name === '.' || name === '..') throw invalid(`chart.metadata.name ${JSON.stringify(name)} is not allowed`)
  if (name.includes('/')) throw invalid(`chart.metadata.name ${JSON.stringify(name)} is invalid`)
  if (version === '') throw invalid('chart.metadata.version is required')
  if (tryParseVersion(version) === undefined)
    throw invalid(`chart.metadata.version ${JSON.stringify(version)} is invalid`)
  if (type !== '' && type !== 'application' && type !== 'library') {
    throw invalid('chart.metadata.type must be application or library')
  }
  const maintainers = (fields['maintainers'] as readonly (Decoded | null)[] | undefined)?.map(maintainerOf)
  const dependencies = (fields['dependencies'] as readonly (Decoded | null)[] | undefined)?.map(validDependency)
  checkDuplicates(dependencies ?? [])
  return {
    name,
    home: clean('home'),
    ...optional('sources', list('sources')),
    version,
    description: clean('description'),
    ...optional('keywords', list('keywords')),
    ...optional('maintainers', maintainers),
    icon: clean('icon'),
    apiVersion,
    condition: clean('condition'),
    tags: clean('tags'),
    appVersion: clean('appVersion'),
    deprecated: fields['deprecated'] === true,
    ...optional('annotations', fields['annotations'] as ReadonlyMap<string, string> | undefined),
    kubeVersion: clean('kubeVersion'),
    ...optional('dependencies', dependencies),
    type,
  }
}

function maintainerOf(fields: Decoded | null): ChartMaintainer {
  if (fields === null) throw invalid('maintainers must not contain empty or null nodes')
  return {
    name: sanitize(text(fields, 'name')),
    email: sanitize(text(fields, 'email')),
    url: sanitize(text(fields, 'url')),
  }
}

function validDependency(fields: Decoded | null): ChartDependency {
  if (fields === null) throw invalid('dependencies must not contain empty or null nodes')
  const dependency = dependencyOf(fields)
  if (dependency.alias !== '' && !/^[a-zA-Z0-9_-]+$/.test(dependency.alias)) {
    throw invalid(`dependency ${JSON.stringify(dependency.name)} has disallowed characters in the alias`)
  }
  return dependency
}

function dependencyOf(fields: Decoded): ChartDependency {
  return {
    name: sanitize(text(fields, 'name')),
    version: sanitize(text(fields, 'version')),
    repository: sanitize(text(fields, 'repository')),
    condition: sanitize(text(fields, 'condition')),
    ...optional('tags', (fields['tags'] as readonly string[] | undefined)?.map(sanitize)),
    enabled: fields['enabled'] === true,
    ...optional('importValues', fields['import-values'] as readonly Value[] | undefined),
    alias: text(fields, 'alias'),
  }
}

function checkDuplicates(dependencies: readonly ChartDependency[]): void {
  const seen = new Set<string>()
  for (const { name, alias } of dependencies) {
    const key = alias === '' ? name : alias
    if (seen.has(key)) throw invalid(`more than one dependency with name or alias ${JSON.stringify(key)}`)
    seen.add(key)
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V })
}

function text(fields: Decoded, field: string): string {
  return (fields[field] as string | undefined) ?? ''
}

function sanitize(value: string): string {
  // Nearly every text is plain ASCII.
  if (/^[\x20-\x7e]*$/.test(value)) return value
  let clean = ''
  for (const character of value) {
    const rune = character.codePointAt(0) ?? 0
    if (isSpace(rune)) clean += ' '
    else if (isPrint(rune)) clean += character
  }
  return clean
}

function invalid(problem: string): Error {
  return helmError('chart-invalid', `validation: ${problem}`)
}
