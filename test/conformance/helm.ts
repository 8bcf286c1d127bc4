import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isEngineError } from '../../src/base/index.ts'
import {
  loadChartFrom,
  renderTemplate,
  templateJsonLines,
  templateText,
  type TemplateOptions,
} from '../../src/cli/helm-template.ts'
import { NO_VALUES, readValues } from '../../src/cli/helm-values.ts'
import { TemplateCache, type Chart } from '../../src/helm/index.ts'
import { firstDifference, jsonDocuments } from './compare-json.ts'
import { helmDifferences } from './helm-known-differences.ts'

/** What a case of the corpus says of itself. */
interface HelmCase {
  readonly release: string
  readonly namespace: string
  readonly values?: readonly string[]
  readonly args?: readonly string[]
}

interface Outcome {
  readonly name: string
  /** What differs as objects, or in failing; undefined where nothing does. */
  readonly problem: string | undefined
  readonly isSameText: boolean
  readonly isSameError: boolean | undefined
}

/** `npm run conformance -- helm [FILTER] [--errors] [--text]`: renders every case of a corpus of charts and compares it with what Helm printed. */
export async function runHelmConformance(corpus: string, args: readonly string[]): Promise<number> {
  const filter = new RegExp(args.find((arg) => !arg.startsWith('--')) ?? '.')
  const names = readdirSync(corpus)
    .filter((name) => filter.test(name) && existsSync(join(corpus, name, 'case.json')))
    .sort()
  const charts = new Map<string, Promise<Chart>>()
  const cache = new TemplateCache()
  const started = performance.now()
  const outcomes: Outcome[] = []
  for (const name of names) outcomes.push(await runCase(corpus, name, charts, cache, args))
  const seconds = (performance.now() - started) / 1000
  return report(outcomes, args, seconds)
}

async function runCase(
  corpus: string,
  name: string,
  charts: Map<string, Promise<Chart>>,
  cache: TemplateCache,
  args: readonly string[],
): Promise<Outcome> {
  const directory = join(corpus, name)
  const meta = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as HelmCase
  const failureFile = join(directory, 'expected-error.txt')
  const wantedError = existsSync(failureFile) ? readFileSync(failureFile, 'utf8') : undefined
  try {
    const options = optionsOf(meta, directory)
    const path = chartPath(directory)
    if (!charts.has(path)) charts.set(path, loadChartFrom(path))
    const result = renderTemplate((await charts.get(path)) as Chart, options, cache)
    if (wantedError !== undefined) return outcome(name, `expected an error: ${brief(wantedError)}`)
    const want = readFileSync(join(directory, 'expected.jsonl'), 'utf8')
    const text = templateText(result, options)
    const isSameText = text === readFileSync(join(directory, 'expected.yaml'), 'utf8')
    const problem = isSameText
      ? undefined
      : firstDifference(jsonDocuments(want), jsonDocuments(templateJsonLines(result, options)))
    if (!isSameText && args.includes('--text'))
      showText(name, text, readFileSync(join(directory, 'expected.yaml'), 'utf8'))
    return { name, problem, isSameText, isSameError: undefined }
  } catch (error) {
    if (!isEngineError(error)) throw error
    if (wantedError === undefined) return outcome(name, `failed: ${brief(error.message)}`)
    const isSameError = wantedError.includes(error.message.trim())
    if (!isSameError && args.includes('--errors'))
      process.stdout.write(`ERROR ${name}\n  want ${brief(wantedError)}\n  got  ${brief(error.message)}\n`)
    return { name, problem: undefined, isSameText: true, isSameError }
  }
}

/** Cases share charts through links, which a copy of the corpus may hold as text files with the target in them. */
function chartPath(directory: string): string {
  const path = realpathSync(join(directory, 'chart'))
  if (statSync(path).isDirectory()) return path
  const target = readFileSync(path, 'latin1')
  return /^\.\.\/[\w./-]+\s*$/.test(target) ? realpathSync(join(directory, target.trim())) : path
}

function outcome(name: string, problem: string): Outcome {
  return { name, problem, isSameText: false, isSameError: undefined }
}

function optionsOf(meta: HelmCase, directory: string): TemplateOptions {
  const args = meta.args ?? []
  const valueOf = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined)
  const kubeVersion = valueOf('--kube-version')
  return {
    release: meta.release,
    namespace: meta.namespace,
    values: readValues({ ...NO_VALUES, files: (meta.values ?? []).map((file) => join(directory, file)) }),
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    apiVersions: valueOf('--api-versions')?.split(',') ?? [],
    includeCrds: args.includes('--include-crds'),
    noHooks: args.includes('--no-hooks'),
    skipTests: args.includes('--skip-tests'),
    isUpgrade: args.includes('--is-upgrade'),
    skipSchemaValidation: false,
    showOnly: [],
  }
}

function report(outcomes: readonly Outcome[], args: readonly string[], seconds: number): number {
  const failed = outcomes.filter(({ problem }) => problem !== undefined)
  const unexpected = failed.filter(({ name }) => !Object.hasOwn(helmDifferences, name))
  const stale = outcomes.filter(({ name, problem }) => problem === undefined && Object.hasOwn(helmDifferences, name))
  for (const { name, problem } of unexpected) process.stdout.write(`FAIL ${name}: ${problem ?? ''}\n`)
  for (const { name } of stale)
    process.stdout.write(`STALE ${name}: no longer differs; remove it from the known differences\n`)
  const errors = outcomes.filter(({ isSameError }) => isSameError !== undefined)
  const texts = outcomes.filter(({ isSameError }) => isSameError === undefined)
  if (args.includes('--text'))
    for (const { name, isSameText } of texts) if (!isSameText) process.stdout.write(`TEXT ${name}\n`)
  process.stdout.write(
    `helm: ${outcomes.length - failed.length} of ${outcomes.length} equal as objects (${failed.length - unexpected.length} known differences), ` +
      `${texts.filter(({ isSameText }) => isSameText).length} of ${texts.length} equal as text, ` +
      `${errors.filter(({ isSameError }) => isSameError).length} of ${errors.length} errors with the same text, ${seconds.toFixed(2)} s\n`,
  )
  return unexpected.length + stale.length === 0 ? 0 : 1
}

function showText(name: string, got: string, want: string): void {
  const gotLines = got.split('\n')
  const wantLines = want.split('\n')
  const at = wantLines.findIndex((line, index) => line !== gotLines[index])
  process.stdout.write(
    `DIFF ${name}:${at + 1}\n  want ${JSON.stringify(wantLines[at])}\n  got  ${JSON.stringify(gotLines[at])}\n`,
  )
}

function brief(text: string): string {
  return JSON.stringify(text.length > 500 ? `${text.slice(0, 500)}…` : text)
}
