import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { EngineError } from '../base/index.ts'
import { build, type BuildResult } from '../kustomize/index.ts'
import { gvkOf, type KubeObject, nameOf, namespaceOf } from '../resources/index.ts'
import { printJson, printYaml } from '../yaml/index.ts'
import { DiskTree } from './disk-tree.ts'

interface BuildFlags {
  readonly loadRestrictor: string
  readonly reorder: string
  readonly output?: string
  readonly format: string
  readonly enableAlphaPlugins?: boolean
  readonly enableHelm?: boolean
  readonly enableExec?: boolean
  readonly sourceRoot?: string
}

const UNRESTRICTED: ReadonlySet<string> = new Set(['LoadRestrictionsNone', 'none'])
const RESTRICTED: ReadonlySet<string> = new Set(['LoadRestrictionsRootOnly', 'rootOnly', ''])

/** `kustomize build [PATH]`: prints the objects of a kustomization as kustomize v5.8.1 does, its warnings to stderr. */
export function kustomizeCommand(): Command {
  const command = new Command('build')
    .description('build a kustomization from a directory')
    .argument('[path]', 'directory with a kustomization file', '.')
    .option(
      '--load-restrictor <mode>',
      'LoadRestrictionsRootOnly, or LoadRestrictionsNone to read files outside the directory',
      'LoadRestrictionsRootOnly',
    )
    .addOption(new Option('--reorder <order>', 'order of the objects').choices(['legacy', 'none']).default('legacy'))
    .option('--output <path>', 'write to this file, or one file per object into this directory')
    .addOption(
      new Option('-o, --format <format>', 'yaml, or jsonl: one JSON object a line')
        .choices(['yaml', 'jsonl'])
        .default('yaml'),
    )
    .option(
      '--source-root <path>',
      'directory that nothing is read outside of; default: the Git repository around PATH, else the file system',
    )
    .addOption(new Option('--enable-alpha-plugins', 'refused: plugins would run programs').hideHelp())
    .addOption(new Option('--enable-exec', 'refused: functions would run programs').hideHelp())
    .addOption(new Option('--enable-helm', 'refused: charts are deployed with a HelmRelease').hideHelp())
    .action((path: string, flags: BuildFlags) => runBuild(path, flags))
  return new Command('kustomize').description('kustomizations').addCommand(command)
}

function runBuild(path: string, flags: BuildFlags): void {
  refusePlugins(flags)
  const none = UNRESTRICTED.has(flags.loadRestrictor)
  if (!none && !RESTRICTED.has(flags.loadRestrictor)) {
    throw usage(
      `illegal flag value --load-restrictor ${flags.loadRestrictor}; legal values: LoadRestrictionsRootOnly, LoadRestrictionsNone`,
    )
  }
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw usage(`must build at directory: '${path}' is no directory`)
  const directory = realpathSync(path)
  const root = flags.sourceRoot === undefined ? sourceRootOf(directory) : realpathSync(flags.sourceRoot)
  const inside = relative(root, directory)
  if (inside.startsWith('..')) throw usage(`'${path}' is outside the source root '${root}'`)
  const result = build({
    files: new DiskTree(root === '/' ? '' : root),
    path: inside,
    options: { loadRestrictions: none ? 'none' : 'root-only', reorder: flags.reorder === 'none' ? 'none' : 'legacy' },
  })
  for (const warning of result.warnings)
    process.stderr.write(`# Warning: ${warning.message}${warning.file === undefined ? '' : ` (${warning.file})`}\n`)
  writeResult(result, flags)
}

function usage(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}

function refusePlugins(flags: BuildFlags): void {
  if (flags.enableAlphaPlugins === true)
    throw usage('--enable-alpha-plugins is not supported: plugins would run programs; use built-in transformers')
  if (flags.enableExec === true)
    throw usage('--enable-exec is not supported: functions would run programs; use built-in transformers')
  if (flags.enableHelm === true) throw usage('--enable-helm is not supported: deploy the chart with a HelmRelease')
}

/** The nearest directory above with a `.git`, so that links and bases stay inside the repository; else the whole file system. */
function sourceRootOf(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, '.git')) || dirname(at) === at) return at
  }
}

function writeResult({ objects }: BuildResult, flags: BuildFlags): void {
  const isDirectory = flags.output !== undefined && existsSync(flags.output) && statSync(flags.output).isDirectory()
  if (flags.output !== undefined && isDirectory) {
    writeFiles(objects, resolve(flags.output), flags.format)
    return
  }
  const text =
    flags.format === 'jsonl'
      ? objects.map((one) => `${printJson(one).trimEnd()}\n`).join('')
      : objects.map(print).join('---\n')
  if (flags.output === undefined) process.stdout.write(text)
  else {
    mkdirSync(dirname(resolve(flags.output)), { recursive: true })
    writeFileSync(flags.output, text)
  }
}

function print(object: KubeObject): string {
  return printYaml(object, { dialect: 'sigs' })
}

/** One file per object, named as kustomize names them: group, version, kind and name, behind the namespace where there are several. */
function writeFiles(objects: readonly KubeObject[], directory: string, format: string): void {
  const namespaces = new Set(objects.map((one) => namespaceOf(one) || 'default'))
  for (const object of objects) {
    const { group, version, kind } = gvkOf(object)
    const type = [group, version, kind].filter((part) => part !== '').join('_')
    const prefix = namespaces.size > 1 && namespaceOf(object) !== '' ? `${namespaceOf(object)}_` : ''
    // A name could hold anything at this point; it must not lead to another directory.
    const name = `${prefix}${type}_${nameOf(object)}`.toLowerCase().replaceAll('/', '_')
    if (format === 'jsonl') writeFileSync(join(directory, `${name}.json`), `${printJson(object).trimEnd()}\n`)
    else writeFileSync(join(directory, `${name}.yaml`), print(object))
  }
}
