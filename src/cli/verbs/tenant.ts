import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { EngineError } from '../../base/index.ts'
import { policyKey, usualPolicy } from '../../reconcile/index.ts'
import { defaultIdentity, parsePolicy, readPolicy, roomFor, type Tenant } from '../../tenancy/index.ts'
import { parseYaml, printYaml, type YamlValue } from '../../yaml/index.ts'
import { usageError } from '../exit-codes.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createTerminal } from '../terminal/terminal.ts'

interface CreateFlags {
  readonly withNamespace: readonly string[]
  readonly source: readonly string[]
  readonly clusterRole: string
  readonly podSecurity: string
  readonly serviceAccount?: string
  readonly cluster?: readonly string[]
  readonly url?: string
  readonly branch: string
  readonly path: string
  readonly dir: string
  readonly export?: boolean
}

/** `tenant create NAME`: the manifests of a room for a tenant, and its entry in the policy, as files to commit. */
export function tenantCommand(): Command {
  const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
    ...(before ?? []),
    value,
  ]
  const create = new Command('create')
    .description(
      'write what gives a tenant its room: namespaces, identity, rights and the entry in the policy. Nothing is sent to a cluster',
    )
    .argument('<name>', 'name of the tenant')
    .requiredOption(
      '--with-namespace <namespace>',
      'a namespace of the tenant, or a pattern such as team-a-*; may be repeated',
      collect,
    )
    .requiredOption(
      '--source <url>',
      'URL that its sources may have, with * for a part of a path element; may be repeated',
      collect,
    )
    .option(
      '--service-account <name>',
      'act as this service account, as with Flux; default: a user of its own, sluice:tenant:NAME',
    )
    .option('--cluster-role <name>', 'ClusterRole that it has in its namespaces', 'admin')
    .option('--pod-security <level>', 'privileged, baseline or restricted', 'restricted')
    .option('--cluster <name>', 'cluster that it may use, or a pattern; may be repeated; default: all', collect)
    .option('--url <url>', 'a repository that its first namespace follows from the start')
    .option('--branch <name>', 'branch of that repository', 'main')
    .option('--path <path>', 'path in that repository', './')
    .option('--dir <directory>', 'where the files go, in your clone of the platform’s repository', 'tenants')
    .option('--export', 'print everything, and write no file')
    .action(async (name: string, flags: CreateFlags) => runCreate(name, flags))
  return new Command('tenant').description('tenants, and what they may do').addCommand(create)
}

async function runCreate(name: string, flags: CreateFlags): Promise<void> {
  const progress = createProgress(createTerminal(process, process.env))
  const entry = entryOf(name, flags)
  const [tenant] = parsePolicy({ tenants: [entry] }).tenants
  if (tenant === undefined) throw usageError('the policy has no tenant')
  const manifests = manifestsOf(tenant, flags)
  if (flags.export === true) {
    process.stdout.write(`${manifests}---\n# ${policyKey}, in the ConfigMap ${usualPolicy}\n${listItem(entry)}`)
    return
  }
  await mkdir(flags.dir, { recursive: true })
  await addToPolicy(join(flags.dir, policyKey), entry, progress)
  await writeNew(join(flags.dir, `${name}.yaml`), manifests, progress)
  await addToKustomization(join(flags.dir, 'kustomization.yaml'), `${name}.yaml`, progress)
  progress.done(`commit ${flags.dir}/, and have the deployment use the policy: TENANTS={"configMap": "${usualPolicy}"}`)
}

/** The entry as it is written: what is as the default would be is left out. */
function entryOf(name: string, flags: CreateFlags): { readonly [field: string]: YamlValue } {
  const sources = [...flags.source, ...(flags.url === undefined || flags.source.includes(flags.url) ? [] : [flags.url])]
  return {
    name,
    namespaces: [...flags.withNamespace],
    sources,
    ...(flags.cluster === undefined ? {} : { clusters: [...flags.cluster] }),
    ...(flags.podSecurity === 'restricted' ? {} : { podSecurity: flags.podSecurity }),
    identity:
      flags.serviceAccount === undefined
        ? (defaultIdentity(name) as unknown as YamlValue)
        : { serviceAccount: flags.serviceAccount },
  }
}

function manifestsOf(tenant: Tenant, flags: CreateFlags): string {
  const { url, branch, path, clusterRole } = flags
  try {
    const room = roomFor(tenant, { clusterRole, ...(url === undefined ? {} : { follow: { url, branch, path } }) })
    return room.map((object) => printYaml(object, { dialect: 'sigs' })).join('---\n')
  } catch (error) {
    if (error instanceof RangeError) throw usageError(`--with-namespace: ${error.message}`)
    throw error
  }
}

/** An entry as an item of a list, its name first, its values on one line each. */
function listItem(entry: { readonly [field: string]: YamlValue }): string {
  const lines = Object.entries(entry).map(([field, value]) => `${field}: ${flow(value)}`)
  return `- ${lines.join('\n  ')}\n`
}

function flow(value: YamlValue): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([field, one]) => `${field}: ${flow(one as YamlValue)}`)
      .join(', ')} }`
  return typeof value === 'string' &&
    /^[A-Za-z][\w./-]*$/.test(value) &&
    !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(value)
    ? value
    : JSON.stringify(value)
}

/** Adds an entry at the end of the policy, with everything else as it stands. @throws EngineError where the file is such that this cannot be done. */
async function addToPolicy(
  file: string,
  entry: { readonly [field: string]: YamlValue },
  progress: Progress,
): Promise<void> {
  const text =
    (await readIfThere(file)) ??
    '# Who may do what: each entry is one tenant. What is not said is refused.\nplatformNamespaces: [flux-system]\ntenants:\n'
  const before = readPolicy(text)
  const { name } = entry as { readonly name: string }
  if (before.tenants.some((tenant) => tenant.name === name))
    throw new EngineError(`${file} has a tenant '${name}' already; edit its entry there`, { code: 'tenant-exists' })
  const next = `${text.trimEnd()}\n${listItem(entry)}`
  const byHand = (): EngineError =>
    new EngineError(`${file} does not end with the list of tenants; add this to it by hand:\n${listItem(entry)}`, {
      code: 'policy-not-edited',
    })
  let after
  try {
    after = readPolicy(next)
  } catch (error) {
    if (error instanceof EngineError && !/belongs to/.test(error.message)) throw byHand()
    throw error
  }
  if (after.tenants.length !== before.tenants.length + 1) throw byHand()
  await writeFile(file, next)
  progress.done(`${file}: added the tenant '${name}'`)
}

/** Adds a file to the resources of a kustomization, which makes the ConfigMap of the policy too. */
async function addToKustomization(file: string, resource: string, progress: Progress): Promise<void> {
  const [namespace = '', name = ''] = usualPolicy.split('/')
  const text =
    (await readIfThere(file)) ??
    `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nconfigMapGenerator:\n- name: ${name}\n  namespace: ${namespace}\n  files: [${policyKey}]\n  options: { disableNameSuffixHash: true }\nresources:\n`
  const resourcesOf = (yaml: string): readonly unknown[] => {
    const value = parseYaml(yaml, { dialect: 'sigs' }) as { readonly resources?: readonly unknown[] | null } | null
    return value?.resources ?? []
  }
  const before = resourcesOf(text)
  if (before.includes(resource)) return
  const next = text.replace(
    /^resources:[ \t]*(?:\[\])?[ \t]*\n|^resources:[ \t]*$/m,
    (line) => `${line.trimEnd().replace(/\[\]$/, '').trimEnd()}\n- ${resource}\n`,
  )
  const isAdded =
    next !== text && resourcesOf(next).length === before.length + 1 && resourcesOf(next).includes(resource)
  if (!isAdded) {
    progress.warn(`${file}: add '${resource}' to its resources by hand`)
    return
  }
  await writeFile(file, next)
  progress.done(`${file}: added ${resource}`)
}

async function writeNew(file: string, text: string, progress: Progress): Promise<void> {
  const before = await readIfThere(file)
  if (before !== undefined && before !== text)
    throw new EngineError(`${file} is there and holds something else; remove it, or edit it by hand`, {
      code: 'file-exists',
    })
  await writeFile(file, text)
  progress.done(`${file}: written`)
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
