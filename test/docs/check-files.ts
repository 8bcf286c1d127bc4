import { loadConfig } from '../../functions/config.ts'
import { isSecretSetting } from '../../functions/setting-names.ts'
import { DiagnosticsError } from '../../src/base/index.ts'
import { kindOf, validateResource } from '../../src/api/index.ts'
import { createEnvironmentReader } from '../../src/platforms/node/index.ts'
import { parseDocuments } from '../../src/yaml/index.ts'
import { placeOf, type Block, type Page } from './page.ts'

/** What is wrong with the files of a page: YAML and JSON that cannot be read, objects of ours against their schemas, environments that a deployment refuses. */
export function checkFiles(page: Page): readonly string[] {
  return page.blocks.flatMap((block) => checkFile(block).map((text) => `${placeOf(page, block)}: ${text}`))
}

function checkFile(block: Block): readonly string[] {
  switch (block.language) {
    case 'yaml':
    case 'yml':
      return checkYaml(block.text)
    case 'json':
      return checkJson(block.text)
    case 'env':
      return checkEnvironment(block.text)
    default:
      return []
  }
}

function checkYaml(text: string): readonly string[] {
  const documents = readAll(text)
  if (typeof documents === 'string') return [documents]
  return documents.flatMap((value) => {
    const { apiVersion } = (value ?? {}) as { readonly apiVersion?: unknown }
    if (kindOf(value) === undefined) {
      const isOurs = typeof apiVersion === 'string' && apiVersion.includes('.toolkit.fluxcd.io/')
      return isOurs ? [`${apiVersion} ${String((value as { kind?: unknown }).kind)} is no kind of ours`] : []
    }
    return validateResource(value).map(({ field, message }) => `${field ?? ''} ${message}`)
  })
}

function readAll(text: string): readonly unknown[] | string {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', strict: true })
  if (diagnostics.length > 0) return `is not YAML: ${diagnostics.map(({ message }) => message).join('; ')}`
  return documents.filter((document) => !document.empty).map((document) => document.value)
}

function checkJson(text: string): readonly string[] {
  try {
    JSON.parse(text)
    return []
  } catch (error) {
    return [`is not JSON: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Variables that a deployment, its programs or the tools beside it read without `loadConfig`. */
const readElsewhere: readonly string[] = [
  'PORT', 'HOST', 'DATA_DIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY',
  'SLUICE_URL', 'SLUICE_TOKEN', 'SLUICE_TOKEN_FILE', 'KUBECONFIG',
] // prettier-ignore

/**
 * Reads lines `NAME=value` as a deployment does. An excerpt may leave out the clusters, and secrets that it names; a variable that nobody reads is a finding.
 */
export function checkEnvironment(text: string): readonly string[] {
  const env = Object.fromEntries(readLines(text))
  const names = Object.keys(env)
  const asked = new Set<string>()
  const named = new Set([...text.matchAll(/"([A-Z][A-Z0-9_]+)"/g)].map(([, name = '']) => name))
  // Files are on the machine of the deployment: only that such a variable exists can be checked.
  const values = Object.fromEntries(Object.entries(env).filter(([name]) => !name.endsWith('_FILE')))
  const inFiles = names.flatMap((name) => /^(.+)_FILE$/.exec(name)?.[1] ?? []).filter(isSecretSetting)
  const read = createEnvironmentReader({
    CLUSTERS: '[{"name":"prod","server":"https://prod.example.com"}]',
    ...Object.fromEntries([...named, ...inFiles].map((name) => [name, 'a-secret-of-the-check'])),
    ...values,
  })
  const findings: string[] = []
  try {
    loadConfig((name) => (asked.add(name), read(name)))
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error
    findings.push(...error.diagnostics.map(({ field, message }) => `${field ?? ''} ${message}`))
  }
  const isRead = (name: string): boolean =>
    asked.has(name) || named.has(name) || readElsewhere.includes(name) || /^(AWS|GOOGLE|GKE|AZURE|OTEL)_/.test(name)
  for (const name of names)
    if (!isRead(name) && !isRead(name.replace(/_FILE$/, ''))) findings.push(`${name} is no variable of Sluice`)
  return findings
}

/** As systemd and `docker --env-file` read it: a value may stand in single or double quotes; lines with `#` are comments. */
function readLines(text: string): readonly (readonly [string, string])[] {
  return text
    .split('\n')
    .map((line) => /^(?:export )?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, name = '', value = '']) => [name, value.replace(/^'(.*)'$/, '$1').replace(/^"(.*)"$/, '$1')])
}
