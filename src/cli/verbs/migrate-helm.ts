import { writeFileSync } from 'node:fs'
import {
  adoptRelease,
  findReleases,
  isThere,
  proveRelease,
  releaseManifests,
  splitSecrets,
  type ChartOrigin,
  type FoundRelease,
  type ReleaseManifests,
  type ReleaseProof,
  type SplitValues,
} from '../../migrate/index.ts'
import { loadWorld, wouldChange, type EngineDeps } from '../../reconcile/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { withCluster, type Cluster } from '../target/cluster.ts'
import { withEngine, type SettingFlags } from '../target/engine.ts'
import type { TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import type { Style } from '../terminal/style.ts'
import { createTerminal, plainText } from '../terminal/terminal.ts'
import { sourceOf } from './migrate-kubectl.ts'
import { planText } from './plan-text.ts'

/** Flags of `migrate helm`. */
export interface MigrateHelmFlags extends TargetFlags, SettingFlags {
  readonly repo?: string
  readonly ociRepository?: boolean
  readonly source?: string
  readonly chart?: string
  readonly adopt?: boolean
  readonly includeSecrets?: boolean
  readonly secretsOut?: string
}

/** One release with what is to be committed for it. */
interface Case {
  readonly found: FoundRelease
  /** As it is committed. */
  readonly manifests: ReleaseManifests
  /** With all values in it, for plans. */
  readonly whole: ReleaseManifests
  readonly split: SplitValues
  readonly proof: ReleaseProof
  readonly adopted: boolean
}

/** Does `migrate helm`. Exit code 1 where a release would be changed although it is adopted. Without `--adopt` nothing is written to the cluster. */
export async function runMigrateHelm(names: readonly string[], flags: MigrateHelmFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const { namespace } = flags
  if (namespace === undefined) throw usageError('name the namespace of the releases with -n')
  const origin = originOf(flags, namespace)
  await withCluster(flags, terminal, (cluster) =>
    withEngine(cluster, flags, async (deps) => {
      const { client, signal } = cluster
      const world = await loadWorld(client, [], 'all', signal)
      const { releases, leftOut } = await findReleases(client, world, { namespace, names }, signal)
      const cases: Case[] = []
      for (const found of releases) cases.push(await look(deps, cluster, { found, origin, flags, progress }))
      for (const { object, reason } of leftOut) progress.warn(`${object} is left out: ${reason}`)
      const secrets = flags.includeSecrets === true ? [] : cases.filter(({ split }) => split.paths.length > 0)
      saySecrets(progress, secrets, flags)
      printAnswer(terminal, flags.output, {
        data: { releases: cases.map(caseData), leftOut },
        names: cases.map(({ found }) => found.release.name),
        text: (style) => casesText(cases, style),
      })
      if (cases.some(({ proof }) => isChanged(proof)) || (names.length > 0 && cases.length < names.length))
        process.exitCode = exitCodes.negative
    }),
  )
}

function originOf(flags: MigrateHelmFlags, namespace: string): ChartOrigin {
  const { repo, source, chart } = flags
  if ((repo === undefined) === (source === undefined))
    throw usageError(
      'say where the charts come from: --repo URL of their repository, or --source KIND/NAME that is there',
    )
  if (repo !== undefined) return { repository: repo, isArtifact: flags.ociRepository }
  return { source: sourceOf(source ?? '', namespace), chartPath: chart }
}

async function look(
  deps: EngineDeps,
  { client, signal }: Cluster,
  given: {
    readonly found: FoundRelease
    readonly origin: ChartOrigin
    readonly flags: MigrateHelmFlags
    readonly progress: Progress
  },
): Promise<Case> {
  const { found, origin, flags, progress } = given
  const { name, config = {} } = found.release
  progress.wait(`rendering ${name}, and asking the API server for a dry-run of every object`)
  const split = splitSecrets(config)
  const isSplit = flags.includeSecrets !== true && split.paths.length > 0
  const whole = releaseManifests(found, origin)
  const manifests = isSplit
    ? releaseManifests(found, origin, {
        values: split.open,
        valuesFrom: [{ kind: 'Secret', name: secretNameOf(found) }],
      })
    : whole
  const proof = await proveRelease(deps, found, whole, signal)
  const wish: Case = { found, manifests, whole, split, proof, adopted: false }
  if (flags.adopt !== true || isChanged(proof)) return wish
  if (await isThere(client, manifests, signal)) {
    progress.warn(`HelmRelease ${name} is there already: it is not touched`)
    return wish
  }
  if (isSplit) {
    const secret = { apiVersion: 'v1', kind: 'Secret', namespace: found.storageNamespace, name: secretNameOf(found) }
    if ((await client.get(secret, { metadataOnly: true, signal })) === undefined) {
      progress.fail(`${name} is not adopted: the Secret '${secret.name}' with its values is not in the cluster yet`)
      return wish
    }
  }
  await adoptRelease(client, found, manifests, signal)
  progress.done(
    `HelmRelease ${name} has release ${name}.v${found.release.version} in its history: its first run changes nothing`,
  )
  return { ...wish, adopted: true }
}

function secretNameOf({ release }: FoundRelease): string {
  return `${release.name}-values`
}

function isChanged({ adopted }: ReleaseProof): boolean {
  return adopted.record.state === 'failed' || wouldChange(adopted)
}

function saySecrets(progress: Progress, cases: readonly Case[], { secretsOut }: MigrateHelmFlags): void {
  for (const { found, split } of cases) {
    progress.warn(
      `${found.release.name}: values that look secret are taken from the Secret '${secretNameOf(found)}' (key values.yaml), and are not printed: ${split.paths.join(', ')}`,
    )
  }
  if (cases.length === 0) return
  if (secretsOut === undefined) {
    progress.warn(
      '--secrets-out FILE writes those Secrets, to be applied or encrypted; --include-secrets leaves the values where they are',
    )
    return
  }
  const secrets = cases.map(({ found, split }) => secretOf(found, split))
  writeFileSync(secretsOut, secrets.map((secret) => `---\n${printYaml(secret, { dialect: 'sigs' })}`).join(''), {
    mode: 0o600,
  })
  progress.warn(`${secretsOut} holds secrets in the clear: encrypt it before it goes to Git`)
}

function secretOf(found: FoundRelease, { secret }: SplitValues): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretNameOf(found), namespace: found.storageNamespace },
    stringData: { 'values.yaml': printYaml(secret as unknown as KubeObject, { dialect: 'sigs' }) },
  }
}

function caseData({ found, manifests, split, proof, adopted }: Case): object {
  return {
    name: found.release.name,
    namespace: found.release.namespace,
    revision: found.release.version,
    manifests: [manifests.source, manifests.release].filter((one) => one !== undefined),
    secretValues: split.paths,
    committed: proof.committed.record,
    withAdopt: proof.adopted.record,
    adopted,
  }
}

/** What to commit, and what comes of it. Exported for tests. */
export function casesText(
  cases: readonly Pick<Case, 'found' | 'manifests' | 'proof' | 'adopted'>[],
  style: Style,
): string {
  if (cases.length === 0) return 'there is no release to take over\n'
  const about = cases.map(({ found, proof, adopted }) => {
    const { name, version } = found.release
    const head = `${style.bold(`${name}.v${version}`)} ${plainText(found.release.chart?.metadata?.name ?? '')}@${plainText(found.release.chart?.metadata?.version ?? '')}\n`
    if (isChanged(proof)) return `${head}${style.red('would be changed:')}\n${planText([proof.adopted], style)}`
    if (adopted) return `${head}adopted: its first run changes nothing\n`
    const first = proof.committed
    return `${head}with --adopt: nothing changes. Committed as it is, its first run makes revision ${version + 1} of it, as with Flux:\n${planText([first], style)}`
  })
  const objects = new Map<string, string>()
  for (const { manifests } of cases)
    for (const object of [manifests.source, manifests.release])
      if (object !== undefined)
        objects.set(
          `${object.kind}/${object.metadata.name}`,
          `---\n${printYaml(object as unknown as KubeObject, { dialect: 'sigs' })}`,
        )
  return `${about.join('\n')}\nCommit:\n${[...objects.values()].join('')}`
}
