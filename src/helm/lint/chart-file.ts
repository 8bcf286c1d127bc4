import { compareVersions, isEngineError, parseVersion, printVersion, tryParseVersion } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { fromBytes, quote, typeName, type GoMap, type Value } from '../../template/index.ts'
import { parseDocuments, type YamlFault } from '../../yaml/index.ts'
import type { Decoded } from '../chart/decode.ts'
import { decodeMetadata, unknownMetadataField } from '../chart/metadata.ts'
import { readYaml } from '../yaml-text.ts'
import { isAbsoluteUrl, isEmail, isSiteUrl } from './addresses.ts'
import { error, info, warning, type LintMessage } from './message.ts'

const FILE = 'Chart.yaml'

/** Versions have to be above this one. */
const lowest = '0.0.0-0'

const strictVersion = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:[-+]|$)/

/**
 * What is wrong with Chart.yaml itself, before the chart is loaded (Helm v4 pkg/chart/v2/lint/rules Chartfile). `directory` is named in errors of reading.
 */
export function lintChartFile(tree: FileTree, directory: string): LintMessage[] {
  if (tree.stat(FILE)?.kind === 'directory')
    return [
      error(FILE, 'should be a file, not a directory'),
      error(FILE, `unable to parse YAML\n\tread ${directory}/${FILE}: is a directory`),
    ]
  const text = fromBytes(tree.read(FILE))
  let value: Value
  let fields: Decoded
  try {
    value = readYaml(text)
    fields = decodeMetadata(value, {})
  } catch (cause) {
    if (!isEngineError(cause)) throw cause
    return [error(FILE, `unable to parse YAML\n\t${cause.message}`)]
  }
  const strict = strictProblem(text, value)
  const problems = [
    nameProblem(textOf(fields, 'name')),
    apiVersionProblem(textOf(fields, 'apiVersion')),
    typeProblem(value, 'version'),
    versionProblem(textOf(fields, 'version')),
    typeProblem(value, 'appVersion'),
    maintainersProblem(fields),
    sourcesProblem(fields),
  ]
  return [
    ...(strict === undefined ? [] : [warning(FILE, `failed to strictly parse chart metadata file\n\t${strict}`)]),
    ...errors(problems),
    ...(textOf(fields, 'icon') === '' ? [info(FILE, 'icon is recommended')] : []),
    ...errors([iconProblem(textOf(fields, 'icon')), ...versionTwoProblems(fields)]),
    ...(isStrictVersion(textOf(fields, 'version'))
      ? []
      : [warning(FILE, `version '${textOf(fields, 'version')}' is not a valid SemVerV2`)]),
  ]
}

function errors(problems: readonly (string | undefined)[]): LintMessage[] {
  return problems.filter((problem) => problem !== undefined).map((problem) => error(FILE, problem))
}

function textOf(fields: Decoded, field: string): string {
  return (fields[field] as string | undefined) ?? ''
}

/** What sigs.k8s.io/yaml's UnmarshalStrict says: keys that are set twice, else the first field that Chart.yaml does not have. */
function strictProblem(text: string, value: Value): string | undefined {
  const lines: string[] = []
  const fault = (_map: unknown, { code, message, offset }: YamlFault): void => {
    const key = code === 'yaml-duplicate-key' ? /^mapping key ("(?:[^"\\]|\\.)*")/.exec(message)?.[1] : undefined
    const line = text.slice(0, offset).split('\n').length
    if (key !== undefined) lines.push(`\n  line ${line}: key ${key} already set in map`)
  }
  const notes = { text: () => undefined, quoted: () => undefined, fault }
  parseDocuments(text, { dialect: 'sigs', strict: true, first: true, notes })
  if (lines.length > 0) return `error converting YAML to JSON: yaml: unmarshal errors:${lines.join('')}`
  const unknown = unknownMetadataField(value)
  if (unknown === undefined) return undefined
  return `error unmarshaling JSON: while decoding JSON: json: unknown field ${quote(unknown)}`
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'name is required'
  return name.includes('/') && name !== '/' ? `chart name ${quote(name)} is invalid` : undefined
}

function apiVersionProblem(apiVersion: string): string | undefined {
  if (apiVersion === 'v1' || apiVersion === 'v2') return undefined
  const wanted = 'The value must be either "v1" or "v2"'
  return apiVersion === '' ? `apiVersion is required. ${wanted}` : `apiVersion '${apiVersion}' is not valid. ${wanted}`
}

/** Versions without quotes are numbers, which lose their last zero: `1.10`. */
function typeProblem(value: Value, field: string): string | undefined {
  const given = value instanceof Map ? (value as GoMap) : new Map<string, Value>()
  const found = given.get(field)
  if (!given.has(field) || typeof found === 'string') return undefined
  return `${field} should be of type string but it's of type ${found === null ? '<nil>' : typeName(found)}`
}

function versionProblem(text: string): string | undefined {
  if (text === '') return 'version is required'
  const version = tryParseVersion(text)
  if (version === undefined) return `version '${text}' is not a valid SemVer`
  if (compareVersions(version, parseVersion(lowest)) > 0) return undefined
  return `version "${printVersion(version)}" is less than or equal to "${lowest}"`
}

function isStrictVersion(text: string): boolean {
  return strictVersion.test(text) && tryParseVersion(text) !== undefined
}

function maintainersProblem(fields: Decoded): string | undefined {
  for (const maintainer of (fields['maintainers'] ?? []) as readonly (Decoded | null)[]) {
    if (maintainer === null) return 'a maintainer entry is empty'
    const name = textOf(maintainer, 'name')
    const email = textOf(maintainer, 'email')
    const url = textOf(maintainer, 'url')
    if (name === '') return 'each maintainer requires a name'
    if (email !== '' && !isEmail(email)) return `invalid email '${email}' for maintainer '${name}'`
    if (url !== '' && !isSiteUrl(url)) return `invalid url '${url}' for maintainer '${name}'`
  }
  return undefined
}

function sourcesProblem(fields: Decoded): string | undefined {
  const wrong = ((fields['sources'] ?? []) as readonly string[]).find((source) => !isAbsoluteUrl(source))
  return wrong === undefined ? undefined : `invalid source URL '${wrong}'`
}

function iconProblem(icon: string): string | undefined {
  return icon === '' || isAbsoluteUrl(icon) ? undefined : `invalid icon URL '${icon}'`
}

/** Fields that charts of apiVersion v1 do not have. */
function versionTwoProblems(fields: Decoded): (string | undefined)[] {
  const apiVersion = textOf(fields, 'apiVersion')
  if (apiVersion === 'v2') return []
  const dependencies = (fields['dependencies'] ?? []) as readonly unknown[]
  return [
    textOf(fields, 'type') === ''
      ? undefined
      : `chart type is not valid in apiVersion '${apiVersion}'. It is valid in apiVersion 'v2'`,
    dependencies.length === 0
      ? undefined
      : `dependencies are not valid in the Chart file with apiVersion '${apiVersion}'. They are valid in apiVersion 'v2'`,
  ]
}
