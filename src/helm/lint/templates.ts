import { isEngineError } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { quote, type Value } from '../../template/index.ts'
import type { Chart } from '../chart/chart.ts'
import { decodeStruct, type Decoded, type StructShape } from '../chart/decode.ts'
import { DEFAULT_CAPABILITIES, type KubeVersion } from '../engine/capabilities.ts'
import type { RenderEnvironment } from '../engine/host.ts'
import { renderChart } from '../render.ts'
import { readYaml } from '../yaml-text.ts'
import { deprecation } from './deprecations.ts'
import { lintedDocuments, type LintedObject } from './documents.ts'
import { error, warning, type LintMessage } from './message.ts'
import { nameProblem } from './object-names.ts'

/** With what templates are rendered to look at them. */
export interface TemplateLintOptions {
  readonly values: ReadonlyMap<string, Value>
  readonly namespace: string
  readonly kubeVersion?: KubeVersion
  readonly skipSchemaValidation: boolean
  readonly environment: RenderEnvironment
}

const DIRECTORY = 'templates/'
const extensions: readonly string[] = ['.yaml', '.yml', '.tpl', '.txt']
const withSelector: readonly string[] = ['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet']

/** What is wrong with the directory of templates; undefined where they can be looked at (Helm v4 pkg/chart/v2/lint/rules Templates). */
export function lintTemplateDirectory(tree: FileTree): LintMessage | undefined {
  const kind = tree.stat('templates')?.kind
  if (kind === undefined) return warning(DIRECTORY, 'directory does not exist')
  return kind === 'directory' ? undefined : error(DIRECTORY, 'not a directory')
}

/** What is wrong with the templates of a chart, and with what they render; those of sub-charts are rendered and not looked at (same source). */
export function lintTemplates(chart: Chart, options: TemplateLintOptions): LintMessage[] {
  const kubeVersion = options.kubeVersion ?? DEFAULT_CAPABILITIES.kubeVersion
  let files: ReadonlyMap<string, string>
  try {
    files = renderForLint(chart, options, kubeVersion)
  } catch (cause) {
    if (!isEngineError(cause) || cause.disposition === 'bug') throw cause
    // Helm's linter ends without a word where dependencies or values cannot be put together.
    const isSilent = cause.code === 'values-invalid' || cause.code.startsWith('chart-')
    return isSilent ? [] : [error(DIRECTORY, cause.message)]
  }
  const messages: LintMessage[] = []
  for (const { name } of chart.templates) {
    const extension = /\.[^./]*$/.exec(name)?.[0] ?? ''
    if (!extensions.includes(extension))
      messages.push(
        error(name, `file extension '${extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`),
      )
    const text = files.get(`${chart.metadata.name}/${name}`) ?? ''
    if (!/^\.ya?ml$/i.test(extension) || text.trim() === '') continue
    // Text that is no YAML ends the search, for all templates.
    if (!lintManifest(name, text, kubeVersion, messages)) break
  }
  return messages
}

function renderForLint(
  chart: Chart,
  options: TemplateLintOptions,
  kubeVersion: KubeVersion,
): ReadonlyMap<string, string> {
  return renderChart({
    chart,
    release: {
      name: 'test-release',
      namespace: options.namespace,
      revision: 0,
      isInstall: false,
      isUpgrade: false,
    },
    values: options.values,
    capabilities: { ...DEFAULT_CAPABILITIES, kubeVersion },
    environment: options.environment,
    skipSchemaValidation: options.skipSchemaValidation,
    lint: true,
    skipSorting: true,
  }).files
}

/** Adds what is wrong with a rendered file; false where it cannot be read to its end. */
function lintManifest(name: string, text: string, version: KubeVersion, messages: LintMessage[]): boolean {
  const first = text.split('\n').find((line) => line.trim() !== '') ?? ''
  if (/^[ \t]/.test(first)) {
    const line = quote(first.replace(/\r$/, ''))
    messages.push(warning(name, `document starts with an illegal indent: ${line}, which may cause parsing problems`))
  }
  for (const document of lintedDocuments(text)) {
    if ('problem' in document) {
      messages.push(error(name, `unable to parse YAML: ${document.problem}`))
      return false
    }
    const { apiVersion, kind, name: object } = document.object
    const warnings = [nameProblem(kind, object), deprecation(apiVersion, kind, version)]
    const errors = [selectorProblem(document.object, text), listProblem(kind, text)]
    for (const problem of warnings) if (problem !== undefined) messages.push(warning(name, problem))
    for (const problem of errors) if (problem !== undefined) messages.push(error(name, problem))
  }
  return true
}

/** Workloads need a selector. The words are looked for anywhere in the file, as Helm does it. */
function selectorProblem({ kind, name }: LintedObject, text: string): string | undefined {
  if (!withSelector.includes(kind) || /matchLabels|matchExpressions/.test(text)) return undefined
  return `a ${kind} must contain matchLabels or matchExpressions, and ${quote(name)} does not`
}

const ITEM: StructShape = {
  name: '',
  fields: { Metadata: { struct: { name: '', fields: { Annotations: 'string-map' } } } },
}
const LIST: StructShape = { name: '', fields: { Items: { structs: ITEM } } }

/** Helm does not see annotations of its own on the items of a list. Of several documents it looks at the first. */
function listProblem(kind: string, text: string): string | undefined {
  if (kind !== 'List') return undefined
  try {
    const { Items: items } = decodeStruct(readYaml(text), LIST, 'struct')
    const isKept = ((items ?? []) as readonly (Decoded | null)[]).some((item) => {
      const metadata = item?.['Metadata'] as Decoded | undefined
      return (metadata?.['Annotations'] as ReadonlyMap<string, string> | undefined)?.has('helm.sh/resource-policy')
    })
    return isKept ? "annotation 'helm.sh/resource-policy' within List objects are ignored" : undefined
  } catch (cause) {
    if (!isEngineError(cause)) throw cause
    return `unable to parse YAML: ${cause.message}`
  }
}
