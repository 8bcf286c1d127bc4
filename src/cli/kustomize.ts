import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { DiagnosticsError, EngineError } from '../base/index.ts'
import { build, type BuildOptions, type BuildResult } from '../kustomize/index.ts'
import { builtInSchema, formatApiVersion, gvkOf, type KubeObject, nameOf, namespaceOf } from '../resources/index.ts'
import { printJson, printYaml } from '../yaml/index.ts'
import { DiskTree } from './disk-tree.ts'

interface BuildFlags {
  readonly loadRestrictor: string
  readonly reorder?: string
  readonly output?: string
  /** What `-o` named: a format or a path. */
  readonly o: readonly string[]
  readonly format?: string
  readonly enableManagedbyLabel?: boolean
  readonly enableAlphaPlugins?: boolean
  readonly enableHelm?: boolean
  readonly enableExec?: boolean
  readonly sourceRoot?: string
}

const UNRESTRICTED: ReadonlySet<string> = new Set(['LoadRestrictionsNone', 'none'])
const RESTRICTED: ReadonlySet<string> = new Set(['LoadRestrictionsRootOnly', 'rootOnly', ''])

const FORMATS: readonly string[] = ['yaml', 'jsonl']

/** How kustomize runs helm and functions: neither is run here, so that these change nothing. */
const WITHOUT_EFFECT: readonly string[] = [
  '--helm-command <path>',
  '--helm-api-versions <version>',
  '--helm-kube-version <version>',
  '--helm-debug',
  '--network',
  '--network-name <name>',
  '--mount <option>',
  '-e, --env <variable>',
  '--as-current-user',
]

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
    .option('--reorder <order>', 'deprecated, use sortOptions; order of the objects: legacy (default) or none')
    .option('--output <path>', 'write to this file, or one file per object into this directory')
    .addOption(new Option('--format <format>', 'yaml, or jsonl: one JSON object a line').choices([...FORMATS]))
    .addOption(
      new Option('-o <format|path>', 'short for --format where it names a format, else for --output (./yaml is a path)')
        .argParser((value: string, before: readonly string[]) => [...before, value])
        .default([], 'none'),
    )
    .addOption(new Option('--enable-managedby-label', 'deprecated, use buildMetadata; adds the label').hideHelp())
    .option(
      '--source-root <path>',
      'directory that nothing is read outside of; default: the Git repository around PATH, else the file system',
    )
    .addOption(new Option('--enable-alpha-plugins', 'refused: plugins would run programs').hideHelp())
    .addOption(new Option('--enable-exec', 'refused: functions would run programs').hideHelp())
    .option('--enable-helm', 'render helmCharts whose chart is in the source; nothing is pulled')
    .action((path: string, flags: BuildFlags) => runBuild(path, flags))
  for (const flags of WITHOUT_EFFECT) command.addOption(new Option(flags, 'has no effect').hideHelp())
  return new Command('kustomize').description('kustomizations').addCommand(command)
}

async function runBuild(path: string, flags: BuildFlags): Promise<void> {
  refusePlugins(flags)
  const none = UNRESTRICTED.has(flags.loadRestrictor)
  if (!none && !RESTRICTED.has(flags.loadRestrictor)) {
    throw usage(
      `illegal flag value --load-restrictor ${flags.loadRestrictor}; legal values: LoadRestrictionsRootOnly, LoadRestrictionsNone`,
    )
  }
  const reorder = reorderOf(flags)
  const managedByLabel = wantsManagedByLabel(flags)
  const target = outputOf(flags)
  if (isUrl(path)) throw usage(`cannot build '${path}': clone the repository, and build the directory in it`)
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw usage(`must build at directory: '${path}' is no directory`)
  const directory = realpathSync(path)
  const root = flags.sourceRoot === undefined ? sourceRootOf(directory) : realpathSync(flags.sourceRoot)
  const inside = relative(root, directory)
  if (inside.startsWith('..')) throw usage(`'${path}' is outside the source root '${root}'`)
  const options: BuildOptions = {
    loadRestrictions: none ? 'none' : 'root-only',
    reorder,
    managedByLabel,
    // The engine of charts is loaded only where it is asked for.
    ...(flags.enableHelm === true ? { inflateHelm: (await import('./inflate-chart.ts')).inflateChart } : {}),
  }
  const result = seenFromHere(root, () =>
    build({ files: new DiskTree(root === '/' ? '' : root), path: inside, options }),
  )
  for (const { message, file } of result.warnings)
    notice(`# Warning: ${message}${file === undefined ? '' : ` (${pathFromHere(root, file)})`}`)
  writeResult(result, target)
}

/** Runs `work`; findings name their files as they are called where the command was run. */
function seenFromHere<T>(root: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error
    const { code, disposition, diagnostics } = error
    throw new DiagnosticsError(
      diagnostics.map((one) => (one.file === undefined ? one : { ...one, file: pathFromHere(root, one.file) })),
      { code, disposition, cause: error },
    )
  }
}

/** A file of the source as a path from the working directory, or the whole path where that is shorter; anything else as it is. */
function pathFromHere(root: string, file: string): string {
  const path = join(root, file)
  if (!existsSync(path)) return file
  const here = relative(process.cwd(), path)
  return here.length < path.length ? here : path
}

function usage(message: string): EngineError {
  return new EngineError(message, { code: 'usage' })
}

/** A path that kustomize would clone. */
function isUrl(path: string): boolean {
  return !existsSync(path) && /^(?:[a-z+]+::?\/\/|git@|github\.com[/:])/i.test(path)
}

function reorderOf({ reorder = '' }: BuildFlags): 'legacy' | 'none' {
  if (reorder === '') return 'legacy'
  notice("Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.")
  if (reorder === 'legacy' || reorder === 'none') return reorder
  throw usage(`illegal flag value --reorder ${reorder}; legal values: [legacy none]`)
}

function wantsManagedByLabel({ enableManagedbyLabel }: BuildFlags): boolean {
  if (enableManagedbyLabel === true) {
    notice(
      'Flag --enable-managedby-label has been deprecated, The flag `enable-managedby-label` has been deprecated. ' +
        'Use the `managedByLabel` option in the `buildMetadata` field instead.',
    )
  }
  return enableManagedbyLabel === true || process.env['KUSTOMIZE_ENABLE_MANAGEDBY_LABEL'] === 'on'
}

function notice(text: string): void {
  process.stderr.write(`${text}\n`)
}

interface Output {
  readonly path?: string
  readonly format: string
}

/** `-o` names a format or, as in kustomize, a path. */
function outputOf({ o, output, format }: BuildFlags): Output {
  const paths = o.filter((value) => !FORMATS.includes(value))
  if (output !== undefined) paths.push(output)
  const formats = o.filter((value) => FORMATS.includes(value))
  if (format !== undefined) formats.push(format)
  const [path, otherPath] = paths
  if (otherPath !== undefined) throw usage(`there can be one output only, not both '${path ?? ''}' and '${otherPath}'`)
  return { ...(path === undefined ? {} : { path }), format: formats.at(-1) ?? 'yaml' }
}

function refusePlugins(flags: BuildFlags): void {
  if (flags.enableAlphaPlugins === true)
    throw usage('--enable-alpha-plugins is not supported: plugins would run programs; use built-in transformers')
  if (flags.enableExec === true)
    throw usage('--enable-exec is not supported: functions would run programs; use built-in transformers')
}

/** The nearest directory above with a `.git`, so that links and bases stay inside the repository; else the whole file system. */
function sourceRootOf(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, '.git')) || dirname(at) === at) return at
  }
}

function writeResult({ objects }: BuildResult, { path, format }: Output): void {
  if (path !== undefined && existsSync(path) && statSync(path).isDirectory()) {
    writeFiles(objects, resolve(path), format)
    return
  }
  const text =
    format === 'jsonl'
      ? objects.map((one) => `${printJson(one).trimEnd()}\n`).join('')
      : objects.map(print).join('---\n')
  if (path === undefined) process.stdout.write(text)
  else {
    mkdirSync(dirname(resolve(path)), { recursive: true })
    writeFileSync(path, text)
  }
}

function print(object: KubeObject): string {
  return printYaml(object, { dialect: 'sigs' })
}

/**
 * One file per object, named as kustomize names them: group, version, kind and name, behind the namespace where the objects are in several
 * (commands/build, WriteIndividualFiles).
 */
function writeFiles(objects: readonly KubeObject[], directory: string, format: string): void {
  const namespaces = new Set(objects.map(effectiveNamespace))
  namespaces.delete(undefined)
  for (const object of objects) {
    const { group, version, kind } = gvkOf(object)
    const type = [group, version, kind].filter((part) => part !== '').join('_')
    const namespace = effectiveNamespace(object)
    const prefix = namespaces.size > 1 && namespace !== undefined ? `${namespace}_` : ''
    // A name could hold anything at this point; it must not lead to another directory.
    const name = `${prefix}${type}_${nameOf(object)}`.toLowerCase().replaceAll('/', '_')
    if (format === 'jsonl') writeFileSync(join(directory, `${name}.json`), `${printJson(object).trimEnd()}\n`)
    else writeFileSync(join(directory, `${name}.yaml`), print(object))
  }
}

/** Undefined for objects that are known to have no namespace. */
function effectiveNamespace(object: KubeObject): string | undefined {
  const gvk = gvkOf(object)
  if (builtInSchema.isNamespaced(formatApiVersion(gvk), gvk.kind) === false) return undefined
  return namespaceOf(object) || 'default'
}
