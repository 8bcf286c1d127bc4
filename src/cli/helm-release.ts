import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { EngineError } from '../base/index.ts'
import { sprigFunctions } from '../sprig/index.ts'
import {
  builtinFunctions,
  executeTemplate,
  functionTable,
  parseTemplate,
  TemplateSet,
  toBytes,
} from '../template/index.ts'
import type { HelmFlags } from './helm-flags.ts'

/** What a release is called when nobody names it. */
const defaultName = 'release-name'

/** Letters that a release's name may have, and its length (Helm v4 pkg/chart/common/util ValidateReleaseName). */
const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const maxNameLength = 53

/**
 * The name of a release from the command line: given, made by --name-template, or the default (Helm v4 action.NameAndChart).
 *
 * @throws EngineError `usage` where a name is given twice; TemplateError for a template that fails.
 */
export function releaseName(given: string | undefined, flags: HelmFlags): string {
  const { nameTemplate } = flags
  if (given !== undefined) {
    if (flags.generateName === true) throw usage('cannot set --generate-name and also specify a name')
    if (nameTemplate !== undefined) throw usage('cannot set --name-template and also specify a name')
    return given
  }
  if (nameTemplate === undefined) return defaultName
  const set = new TemplateSet('name-template')
  const hidden = new Set(['env', 'expandenv'])
  const functions = functionTable(
    builtinFunctions,
    sprigFunctions.filter((fn) => !hidden.has(fn.name)),
  )
  set.add(parseTemplate('name-template', nameTemplate, functions))
  return executeTemplate(set, 'name-template', undefined, {
    environment: { now: () => Date.now(), randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
  })
}

/** @throws EngineError `release-name-invalid` for a name that Kubernetes would not take. */
export function checkReleaseName(name: string): void {
  if (name.length <= maxNameLength && namePattern.test(name)) return
  throw new EngineError(
    `release name check failed: release name ${JSON.stringify(name)}: invalid release name, must match regex ${namePattern.source} and the length must not be longer than ${maxNameLength}`,
    { code: 'release-name-invalid' },
  )
}

/** @throws EngineError `usage` for flags that need a cluster or the network, which this command never asks. */
export function refuseRemote(flags: HelmFlags): void {
  const { dryRun } = flags
  if (dryRun === 'none') throw usage('invalid dry-run value ("none"). Must be "server" or "client"')
  if (typeof dryRun === 'string' && !['client', 'server', 'unset', 'true', 'false'].includes(dryRun))
    throw usage(`invalid dry-run value (${JSON.stringify(dryRun)}). Must be "none", "server", or "client"`)
  if (flags.validate === true || dryRun === 'server')
    throw usage('--validate and --dry-run=server need a cluster, which this command does not talk to; leave them out')
  if (flags.dependencyUpdate === true)
    throw usage('--dependency-update needs the network; run "helm dependency update" first')
  if (flags.repo !== undefined) throw usage('--repo needs the network; fetch the chart first and give its path')
}

/** Writes files below a directory and says so, one line each, as `helm template --output-dir` does. */
export function writeFiles(directory: string, files: ReadonlyMap<string, string>): void {
  const root = resolve(directory)
  for (const [path, text] of files) {
    const target = resolve(root, path)
    if (!target.startsWith(root + sep))
      throw new EngineError(`${path} lies outside the output directory`, { code: 'output-path' })
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, toBytes(text))
    process.stdout.write(`wrote ${join(directory, path)}\n`)
  }
}

function usage(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}
