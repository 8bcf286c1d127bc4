import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { parseResource, type Kustomization } from '../../api/index.ts'
import { buildLocalFiles } from '../../reconcile/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { parseDocuments, printJson, printYaml } from '../../yaml/index.ts'
import { exitCodesHelp, usageError } from '../exit-codes.ts'
import { openLocalPath } from '../target/local-path.ts'

interface BuildFlags {
  readonly path?: string
  readonly kustomizationFile?: string
  readonly sourceRoot?: string
  readonly strictSubstitute?: boolean
  readonly output: 'yaml' | 'json'
}

/** `build kustomization PATH`: the objects of a Kustomization from local files, without any cluster. */
export function buildCommand(): Command {
  const kustomization = new Command('kustomization')
    .alias('ks')
    .description(
      'print the objects that a Kustomization makes of local files, without a cluster; of what is encrypted only the keys',
    )
    .argument('[path]', 'directory, as with --path')
    .option('--path <directory>', 'the directory that spec.path names')
    .option(
      '-f, --kustomization-file <file>',
      'the Kustomization: its patches, images, substitutions and metadata count',
    )
    .option('--source-root <directory>', 'nothing outside of it is read; default: the Git repository around the path')
    .option('--strict-substitute', 'variables without a value are errors')
    .addOption(new Option('-o, --output <format>', 'format').choices(['yaml', 'json']).default('yaml'))
    .addHelpText('after', exitCodesHelp)
    .action(async (path: string | undefined, flags: BuildFlags) => runBuild(path, flags))
  return new Command('build').description('build without a cluster').addCommand(kustomization)
}

async function runBuild(argument: string | undefined, flags: BuildFlags): Promise<void> {
  const path = flags.path ?? argument
  if (path === undefined) throw usageError('name the directory to build: sluice build kustomization PATH')
  const kustomization = flags.kustomizationFile === undefined ? undefined : readKustomization(flags.kustomizationFile)
  const objects = await buildLocalFiles({
    ...openLocalPath(path, flags.sourceRoot),
    ...(kustomization === undefined ? {} : { kustomization }),
    strictSubstitution: flags.strictSubstitute === true,
    signal: AbortSignal.timeout(300_000),
  })
  process.stdout.write(flags.output === 'json' ? jsonText(objects) : objects.map(yamlText).join('---\n'))
}

function yamlText(object: KubeObject): string {
  return printYaml(object, { dialect: 'sigs' })
}

function jsonText(objects: readonly KubeObject[]): string {
  const list = { apiVersion: 'v1', kind: 'List', items: [...objects] }
  return `${printJson(list, { escapeHtml: false, indent: 2 })}\n`
}

/** The first Kustomization of Flux in a file. */
function readKustomization(file: string): Kustomization {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(
      `${file} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs' })
  const broken = diagnostics.find((finding) => finding.severity === 'error')
  if (broken !== undefined) throw usageError(`${file} does not parse: ${broken.message}`)
  const found = documents.map(({ value }) => value as { readonly kind?: unknown; readonly apiVersion?: unknown } | null)
  const value = found.find(
    (one) =>
      one?.kind === 'Kustomization' &&
      typeof one.apiVersion === 'string' &&
      one.apiVersion.startsWith('kustomize.toolkit.fluxcd.io/'),
  )
  if (value === undefined) throw usageError(`${file} has no Kustomization of kustomize.toolkit.fluxcd.io`)
  return parseResource('Kustomization', value)
}
