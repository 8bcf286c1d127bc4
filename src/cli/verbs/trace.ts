import { Command } from 'commander'
import { apiVersions, labels, type HelmRelease, type Kustomization } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { formatKey, keyOf, type KubeClient } from '../../kube/index.ts'
import { artifactKeyOf, idOfKey, sourceKeyOf, type ObjectKey, type Workload } from '../../reconcile/index.ts'
import { isMap, nameOf, namespaceOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { readAnyObject } from '../target/any-object.ts'
import { withCluster } from '../target/cluster.ts'
import { addTargetFlags, namespaceOf as namespaceOfFlags, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import type { Style } from '../terminal/style.ts'
import { createTerminal, plainText } from '../terminal/terminal.ts'
import { objectRow, shortRevision } from './object-row.ts'

interface TraceFlags extends TargetFlags {
  readonly apiVersion?: string
  readonly kind?: string
}

/** One station on the way from an object to where it comes from. */
export interface TraceStep {
  /** `object`, `owner`, or the kind of ours. */
  readonly role: string
  readonly object: string
  readonly facts: readonly (readonly [name: string, value: string])[]
}

/** Owners of owners that are followed: Pod, ReplicaSet, Deployment, … */
const maxOwners = 10

/** `trace deployment/web`: which Kustomization or HelmRelease made it, from which source, at which revision. */
export function traceCommand(): Command {
  const command = new Command('trace')
    .description(
      'where an object comes from: its Kustomization or HelmRelease, their parents, the source and its revision',
    )
    .argument('<what...>', "any object: 'deployment/web', 'deployment web'; or a name with --kind")
    .option('--kind <kind>', 'as flux takes it')
    .option('--api-version <version>', 'as flux takes it')
    .action(async (what: string[], flags: TraceFlags) => runTrace(what, flags))
  return addTargetFlags(command, { cluster: true, output: true })
}

async function runTrace(what: readonly string[], flags: TraceFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const steps = await withCluster(flags, terminal, async ({ client }) => {
    const { apiVersion, kind } = flags
    const options = { namespace: namespaceOfFlags(flags, process.env), apiVersion, kind }
    return traceObject(client, await readAnyObject(client, what, options))
  })
  printAnswer(terminal, flags.output, {
    data: {
      steps: steps.map(({ role, object, facts }) => ({
        role,
        object,
        ...Object.fromEntries(facts.map(([name, value]) => [factName(name), value])),
      })),
    },
    names: steps.map((step) => step.object),
    text: (style) => traceText(steps, style),
  })
}

function factName(title: string): string {
  return title.charAt(0).toLowerCase() + title.slice(1).replaceAll(' ', '')
}

/** Steps as blocks of names and values, as flux prints them. Exported for tests. */
export function traceText(steps: readonly TraceStep[], style: Style): string {
  const blocks = steps.map(({ role, object, facts }) => {
    const all = [[role, object] as const, ...facts]
    const width = Math.max(...all.map(([name]) => name.length)) + 1
    return all
      .map(([name, value], index) => {
        const text = plainText(value).replaceAll('\n', `\n${' '.repeat(width + 1)}`)
        return `${style.dim(`${name}:`.padEnd(width))} ${index === 0 ? style.bold(text) : text}\n`
      })
      .join('')
  })
  return blocks.join(`${style.dim('---')}\n`)
}

/**
 * The way of an object to its source: its owners, the Kustomization or HelmRelease that applied it, what applied those, and their sources.
 *
 * @throws EngineError `not-managed` where nobody of ours made it.
 */
export async function traceObject(client: KubeClient, start: KubeObject): Promise<readonly TraceStep[]> {
  const steps: TraceStep[] = [{ role: 'Object', object: formatKey(keyOf(start)), facts: [] }]
  const managed = await managedAncestor(client, start, steps)
  let owner = managed === undefined ? undefined : await ownerOfOurs(client, managed)
  if (managed === undefined || owner === undefined) {
    throw new EngineError(
      `${formatKey(keyOf(start))} is not made by a Kustomization or HelmRelease: neither it nor what owns it carries their labels`,
      {
        code: 'not-found',
        disposition: 'wait',
      },
    )
  }
  const seen = new Set<string>()
  while (owner !== undefined && !seen.has(`${owner.kind}/${owner.metadata.namespace ?? ''}/${owner.metadata.name}`)) {
    seen.add(`${owner.kind}/${owner.metadata.namespace ?? ''}/${owner.metadata.name}`)
    steps.push(workloadStep(owner))
    const sources = [artifactKeyOf(owner), sourceKeyOf(owner)].filter((key) => key !== undefined)
    for (const key of sources) {
      if (seen.has(idOfKey(key))) continue
      seen.add(idOfKey(key))
      steps.push(await sourceStep(client, key))
    }
    owner = await ownerOfOurs(client, owner as unknown as KubeObject)
  }
  return steps
}

/** The first of an object and its owners that carries labels of ours; what is passed becomes steps. */
async function managedAncestor(
  client: KubeClient,
  start: KubeObject,
  steps: TraceStep[],
): Promise<KubeObject | undefined> {
  let object: KubeObject | undefined = start
  for (let depth = 0; object !== undefined && depth < maxOwners; depth++) {
    if (ownerLabels(object) !== undefined) return object
    object = await controllerOf(client, object)
    if (object !== undefined) steps.push({ role: 'Owner', object: formatKey(keyOf(object)), facts: [] })
  }
  return undefined
}

async function controllerOf(client: KubeClient, object: KubeObject): Promise<KubeObject | undefined> {
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const references = Array.isArray(metadata['ownerReferences']) ? metadata['ownerReferences'].filter(isMap) : []
  const reference = references.find((one) => one['controller'] === true) ?? references[0]
  if (reference === undefined) return undefined
  const kind = { apiVersion: scalarText(reference['apiVersion']), kind: scalarText(reference['kind']) }
  const { namespaced } = await client.resource(kind)
  return client.get<KubeObject>({
    ...kind,
    name: scalarText(reference['name']),
    ...(namespaced ? { namespace: namespaceOf(object) } : {}),
  })
}

function ownerLabels(object: KubeObject): (ObjectKey & { readonly kind: 'Kustomization' | 'HelmRelease' }) | undefined {
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const given = isMap(metadata['labels']) ? metadata['labels'] : {}
  const read = (
    kind: 'Kustomization' | 'HelmRelease',
    name: string,
    namespace: string,
  ): ReturnType<typeof ownerLabels> =>
    given[name] === undefined || given[namespace] === undefined
      ? undefined
      : { kind, name: scalarText(given[name]), namespace: scalarText(given[namespace]) }
  const found =
    read('HelmRelease', labels.helmName, labels.helmNamespace) ??
    read('Kustomization', labels.kustomizeName, labels.kustomizeNamespace)
  // The labels of the Kustomization that has no other parent may be its own: it applies itself.
  const isItself =
    found?.kind === scalarText(object['kind']) &&
    found.name === nameOf(object) &&
    found.namespace === namespaceOf(object)
  return isItself ? undefined : found
}

async function ownerOfOurs(client: KubeClient, object: KubeObject): Promise<Workload | undefined> {
  const key = ownerLabels(object)
  if (key === undefined) return undefined
  return client.get<Workload>({ ...key, apiVersion: apiVersions[key.kind] })
}

function workloadStep(object: Workload): TraceStep {
  const row = objectRow(object as unknown as KubeObject)
  const path = object.kind === 'Kustomization' ? ((object as Kustomization).spec.path ?? './') : undefined
  const chart = object.kind === 'HelmRelease' ? (object as HelmRelease).status?.history?.[0] : undefined
  return {
    role: object.kind,
    object: `${row.namespace}/${row.name}`,
    facts: [
      ...(path === undefined ? [] : [['Path', path] as const]),
      ...(chart === undefined ? [] : [['Chart', `${chart.chartName ?? ''}@${chart.chartVersion ?? ''}`] as const]),
      ['Revision', row.revision === '' ? 'none yet' : shortRevision(row.revision)],
      ['Status', row.suspended ? 'suspended' : row.ready === 'True' ? 'ready' : `not ready (${row.reason})`],
      ['Message', shortRevision(row.message)],
    ],
  }
}

async function sourceStep(client: KubeClient, key: ObjectKey): Promise<TraceStep> {
  const kind = key.kind as keyof typeof apiVersions
  const object = await client.get<KubeObject>({ ...key, apiVersion: apiVersions[kind] })
  const name = `${key.namespace}/${key.name}`
  if (object === undefined) return { role: key.kind, object: name, facts: [['Status', 'not found']] }
  const row = objectRow(object)
  const { spec = {}, status } = object as unknown as {
    readonly spec?: {
      readonly url?: string
      readonly chart?: string
      readonly ref?: { readonly [name: string]: string }
    }
    readonly status?: { readonly artifact?: { readonly metadata?: { readonly [name: string]: string } } }
  }
  const origin = status?.artifact?.metadata?.['org.opencontainers.image.revision']
  const place = status?.artifact?.metadata?.['org.opencontainers.image.source']
  const facts: (readonly [string, string] | undefined)[] = [
    spec.url === undefined ? undefined : ['URL', spec.url.replace(/\/\/[^/@]*@/, '//')],
    typeof spec.chart === 'string' ? ['Chart', spec.chart] : undefined,
    ...Object.entries(spec.ref ?? {}).map(
      ([part, value]) => [part.charAt(0).toUpperCase() + part.slice(1), value] as const,
    ),
    ['Revision', row.revision === '' ? 'none yet' : shortRevision(row.revision)],
    origin === undefined ? undefined : ['Origin Revision', origin],
    place === undefined ? undefined : ['Origin Source', place],
    ['Status', row.suspended ? 'suspended' : row.ready === 'True' ? 'ready' : `not ready (${row.reason})`],
    ['Message', shortRevision(row.message)],
  ]
  return { role: key.kind, object: name, facts: facts.filter((fact) => fact !== undefined) }
}
