import { Command, Option } from 'commander'
import { EngineError } from '../base/index.ts'
import type { TemplateOptions } from './helm-template.ts'
import { readValues, type ReadText } from './helm-values.ts'
import { defaultKeyring } from './helm-verify.ts'

/** What commander makes of Helm's flags. */
export interface HelmFlags {
  readonly namespace: string
  readonly values: readonly string[]
  readonly set: readonly string[]
  readonly setString: readonly string[]
  readonly setFile: readonly string[]
  readonly setJson: readonly string[]
  readonly setLiteral: readonly string[]
  readonly kubeVersion?: string
  readonly apiVersions: readonly string[]
  readonly includeCrds?: boolean
  readonly hooks: boolean
  readonly skipTests?: boolean
  readonly isUpgrade?: boolean
  readonly skipSchemaValidation?: boolean
  readonly showOnly: readonly string[]
  readonly generateName?: boolean
  readonly nameTemplate?: string
  readonly outputDir?: string
  readonly releaseName?: boolean
  readonly validate?: boolean
  readonly dependencyUpdate?: boolean
  readonly verify?: boolean
  readonly keyring: string
  readonly repo?: string
  readonly dryRun?: string | boolean
  readonly format: string
  readonly snippets?: string
  readonly chart?: string
  readonly strict?: boolean
  readonly quiet?: boolean
  readonly withSubcharts?: boolean
}

const each = (value: string, before: readonly string[]): string[] => [...before, value]
const eachPart = (value: string, before: readonly string[]): string[] => [...before, ...value.split(',')]

/** Adds the flags that say where values come from. */
export function addValueFlags(command: Command): Command {
  return command
    .option('-f, --values <files>', 'values file, or - for standard input; may be repeated', eachPart, [])
    .option('--set <values>', 'values, a.b[0]=x,c=y; may be repeated', each, [])
    .option('--set-string <values>', 'values that are text', each, [])
    .option('--set-file <values>', 'values that are the content of files', each, [])
    .option('--set-json <values>', 'values that are JSON', each, [])
    .option('--set-literal <value>', 'one value, verbatim', each, [])
}

/** Adds the flags of `helm template`, with Helm's names. */
export function addTemplateFlags(command: Command): Command {
  return addValueFlags(command)
    .option('-n, --namespace <name>', 'namespace of the release', 'default')
    .option('--kube-version <version>', 'version of Kubernetes that charts see')
    .option('-a, --api-versions <versions>', 'API versions that charts see besides the known ones', eachPart, [])
    .option('--include-crds', 'print the files in crds/, too')
    .option('--no-hooks', 'leave hooks out')
    .option('--skip-tests', 'leave test hooks out')
    .option('-g, --generate-name', 'no name is given; the release is called release-name')
    .option('--name-template <template>', 'the name of the release, as a template')
    .option('--output-dir <directory>', 'write each template into a file of this folder')
    .option('--release-name', 'a folder named after the release inside --output-dir')
    .option('--validate', 'refused: needs a cluster')
    .option('--dependency-update', 'refused: needs the network')
    .option('--verify', 'check the provenance file of the archive first')
    .option('--keyring <file>', 'public keys for --verify', defaultKeyring())
    .option('--repo <url>', 'refused: needs the network')
    .option('--dry-run [where]', 'client; server is refused: it needs a cluster')
    .option('--is-upgrade', 'render as for an upgrade')
    .option('--skip-schema-validation', 'do not check values against values.schema.json')
    .option('-s, --show-only <templates>', 'print only what these templates rendered', each, [])
    .addOption(
      new Option('-o, --format <format>', 'yaml, or jsonl: one JSON object a line')
        .choices(['yaml', 'jsonl'])
        .default('yaml'),
    )
}

/** Adds the flags of `helm lint`, with Helm's names. */
export function addLintFlags(command: Command): Command {
  return addValueFlags(command)
    .option('-n, --namespace <name>', 'namespace of the release', 'default')
    .option('--kube-version <version>', 'version of Kubernetes that charts see, and for which kinds are deprecated')
    .option('--skip-schema-validation', 'do not check values against values.schema.json')
    .option('--strict', 'fail on warnings, too')
    .option('--with-subcharts', 'look at the charts in charts/, too')
    .option('--quiet', 'print warnings and errors only')
    .addOption(new Option('--debug').hideHelp())
}

/** Flags of `helm template` that change nothing of what a chart on disk renders: they are about installing, fetching and logging. */
const WITHOUT_EFFECT: readonly string[] = [
  '--skip-crds',
  '--create-namespace',
  '--hide-notes',
  '--render-subchart-notes',
  '--disable-openapi-validation',
  '--take-ownership',
  '--force-replace',
  '--force-conflicts',
  '--replace',
  '--wait [strategy]',
  '--wait-for-jobs',
  '--atomic',
  '--rollback-on-failure',
  '--server-side [when]',
  '--debug',
  '--devel',
  '--timeout <duration>',
  '--description <text>',
  '-l, --labels <labels>',
  '--version <version>',
  '--color <when>',
]

/** Adds flags that Helm takes and that have nothing to do here, so that command lines written for Helm work. */
export function addIgnoredFlags(command: Command): Command {
  for (const flags of WITHOUT_EFFECT) command.addOption(new Option(flags).hideHelp())
  return command
}

/** The flags as options of a render. */
export function templateOptions(release: string, flags: HelmFlags, read?: ReadText): TemplateOptions {
  return {
    release,
    namespace: flags.namespace,
    values: readValues({ ...flags, files: flags.values }, read),
    ...(flags.kubeVersion === undefined ? {} : { kubeVersion: flags.kubeVersion }),
    apiVersions: flags.apiVersions,
    includeCrds: flags.includeCrds === true,
    noHooks: !flags.hooks,
    skipTests: flags.skipTests === true,
    isUpgrade: flags.isUpgrade === true,
    skipSchemaValidation: flags.skipSchemaValidation === true,
    showOnly: flags.showOnly,
  }
}

/** Reads arguments of `helm template NAME CHART` without running anything. @throws EngineError `usage`. */
export function parseHelmArguments(args: readonly string[], read?: ReadText): TemplateOptions {
  const command = addIgnoredFlags(addTemplateFlags(new Command('template')))
    .argument('[args...]')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  try {
    command.parse([...args], { from: 'user' })
  } catch (error) {
    throw new EngineError(error instanceof Error ? error.message : 'wrong usage', { code: 'usage', cause: error })
  }
  return templateOptions(command.args[0] ?? 'release-name', command.opts<HelmFlags>(), read)
}
