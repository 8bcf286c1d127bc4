import { readFileSync } from 'node:fs'
import { formatDiagnostic } from '../../base/index.ts'
import { formatKey, keyOf, type ObjectKey } from '../../kube/index.ts'
import {
  adopt,
  adoptiveKustomization,
  findNamed,
  findUnmanaged,
  isSecret,
  manifestFiles,
  type Adoption,
  type Found,
} from '../../migrate/index.ts'
import { isMap, scalarText, type KubeObject, type KubeValue } from '../../resources/index.ts'
import { parseDocuments, printYaml } from '../../yaml/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { withCluster, type Cluster } from '../target/cluster.ts'
import type { TargetFlags } from '../target/flags.ts'
import { kindOfWord } from '../target/kinds.ts'
import { writeFiles } from '../target/write-files.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import type { Style } from '../terminal/style.ts'
import { createTerminal, plainText } from '../terminal/terminal.ts'

/** Flags of `migrate kubectl`. */
export interface MigrateKubectlFlags extends TargetFlags {
  readonly selector?: string
  readonly kind?: readonly string[]
  readonly filename?: readonly string[]
  readonly out: string
  readonly name?: string
  readonly fluxNamespace: string
  readonly source: string
  readonly path?: string
  readonly includeSecrets?: boolean
  readonly force?: boolean
}

/** A manifest that kubectl was given has at most so many bytes here. */
const maxFileBytes = 16 << 20

/** Does `migrate kubectl`. Exit code 1 where applying a manifest would change more than who owns the fields. Writes files, and nothing to the cluster. */
export async function runMigrateKubectl(flags: MigrateKubectlFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  const { namespace } = flags
  if (namespace === undefined && flags.filename === undefined)
    throw usageError('name the namespace with -n, or the files that were applied with -f')
  const parent = { name: flags.name ?? namespace ?? 'adopted', namespace: flags.fluxNamespace }
  const source = sourceOf(flags.source, flags.fluxNamespace)
  await withCluster(flags, terminal, async (cluster) => {
    const found = await find(cluster, flags)
    progress.wait(`asking the API server for dry-runs of ${found.objects.length} objects`)
    const adoptions = await adopt(cluster.client, found.objects, parent, cluster.signal)
    const kept = adoptions.filter(({ live }) => flags.includeSecrets === true || !isSecret(live))
    const secrets = adoptions.filter((one) => !kept.includes(one))
    const files = kept.length === 0 ? {} : manifestFiles(kept.map(({ manifest }) => manifest))
    const path = flags.path ?? `./${flags.out.replace(/^\.?\/+/, '').replace(/\/+$/, '')}`
    const kustomization = adoptiveKustomization(parent, source, path)
    const written = kept.length === 0 ? [] : writeFiles(flags.out, files, { force: flags.force === true })
    progress.done(`nothing was written to the cluster; ${written.length} files to ${flags.out}`)
    sayWhatIsLeft(progress, secrets, found)
    printAnswer(terminal, flags.output, {
      data: {
        objects: adoptions.map((one) => ({
          ...keyOf(one.live),
          from: one.from,
          notes: one.notes,
          changes: one.changes,
          written: kept.includes(one),
        })),
        leftOut: found.leftOut,
        files: written,
        kustomization,
      },
      names: kept.map(({ live }) => formatKey(keyOf(live))),
      text: (style) => adoptionText(kept, kustomization, style),
    })
    if (adoptions.some(({ changes }) => changes.length > 0)) process.exitCode = exitCodes.negative
  })
}

/** A source as `KIND/NAME` or `KIND/NAMESPACE/NAME`. Exported for `migrate helm`. */
export function sourceOf(
  text: string,
  namespace: string,
): { readonly kind: string; readonly namespace: string; readonly name: string } {
  const [word = '', ...rest] = text.split('/')
  const kind = kindOfWord(word)
  const [first, second] = rest
  if (kind === undefined || first === undefined || first === '' || rest.length > 2)
    throw usageError(`'${text}' must be a source, such as GitRepository/flux-system`)
  return second === undefined ? { kind, namespace, name: first } : { kind, namespace: first, name: second }
}

function find({ client, signal }: Cluster, flags: MigrateKubectlFlags): Promise<Found> {
  const { namespace = 'default', selector, kind = [], filename } = flags
  if (filename !== undefined)
    return findNamed(
      client,
      filename.flatMap((file) => keysIn(file, namespace)),
      signal,
    )
  return findUnmanaged(client, { namespace, kinds: kind, labelSelector: selector }, signal)
}

/** The objects that a file of manifests names. */
function keysIn(file: string, namespace: string): readonly ObjectKey[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(
      `${file} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
  if (text.length > maxFileBytes) throw usageError(`${file} is larger than ${maxFileBytes} bytes`)
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file })
  const [bad] = diagnostics.filter(({ severity }) => severity === 'error')
  if (bad !== undefined) throw usageError(formatDiagnostic(bad))
  const objects = documents.flatMap(({ value }) => listed(value as KubeValue))
  return objects.map((object) => {
    const key = keyOf(object)
    if (key.kind === '' || key.name === '') throw usageError(`${file}: an object has no kind or no name`)
    return { ...key, namespace: key.namespace === '' ? namespace : key.namespace }
  })
}

function listed(value: KubeValue): readonly KubeObject[] {
  if (!isMap(value)) return []
  const items = value['items']
  return scalarText(value['kind']).endsWith('List') && Array.isArray(items) ? items.flatMap(listed) : [value]
}

function sayWhatIsLeft(progress: Progress, secrets: readonly Adoption[], found: Found): void {
  for (const { live } of secrets) {
    progress.warn(
      `${formatKey(keyOf(live))} is left out: Git is no place for its values. Encrypt it (sops --encrypt --age …, then spec.decryption), or --include-secrets`,
    )
  }
  for (const { object, reason } of found.leftOut) progress.warn(`${object} is left out: ${reason}`)
}

/** What was found out, and what to commit. Exported for tests. */
export function adoptionText(adoptions: readonly Adoption[], kustomization: KubeObject, style: Style): string {
  const lines = adoptions.map(({ live, notes, changes }) => {
    const sign = changes.length === 0 ? style.green('✔') : style.red('✗')
    const more = [
      ...notes.map((note) => `    ${style.dim(plainText(note))}\n`),
      ...changes.map((path) => `    ${style.red('would change:')} ${plainText(path)}\n`),
    ]
    return `${sign} ${plainText(formatKey(keyOf(live)))}\n${more.join('')}`
  })
  if (adoptions.length === 0) return 'there is nothing to take over\n'
  const changed = adoptions.filter(({ changes }) => changes.length > 0).length
  const proof =
    changed === 0
      ? 'Applying them changes who owns the fields (managed fields, labels of the owner, kubectl’s annotation), and nothing else.'
      : `${changed} of ${adoptions.length} would be changed: edit their files, and look with sluice diff.`
  return `${lines.join('')}${proof}\nCommit the files, and this:\n---\n${printYaml(kustomization, { dialect: 'sigs' })}`
}
