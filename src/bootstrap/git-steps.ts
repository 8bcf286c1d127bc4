import { apiVersions } from '../api/index.ts'
import { EngineError } from '../base/index.ts'
import { isNotFound } from '../kube/index.ts'
import { openBranch } from '../sources/index.ts'
import { layOut, normalPath } from './layout.ts'
import { syncName, systemNamespace } from './names.ts'
import type { StepContext } from './types.ts'

/** Objects that sync a cluster, as far as they are looked at. */
interface Sync {
  readonly spec?: {
    readonly url?: string
    readonly path?: string
    readonly suspend?: boolean
    readonly ref?: { readonly branch?: string }
  }
}

/** Reads `flux-system` of a kind; undefined also where the cluster does not know the kind yet. */
export async function readSync(
  { deps }: Pick<StepContext, 'deps'>,
  kind: 'GitRepository' | 'Kustomization',
): Promise<Sync | undefined> {
  const key = { apiVersion: apiVersions[kind], kind, namespace: systemNamespace, name: syncName }
  try {
    return await deps.client.get<Sync>(key, { signal: deps.signal })
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Makes sure, before anything is written, that the cluster is reached and is not synced from elsewhere. */
export async function checkClusterBefore(context: StepContext): Promise<void> {
  const { deps, options } = context
  const { report, client } = deps
  report.begin(`looking at the cluster '${options.cluster}'`)
  const version = await client.serverVersion({ signal: deps.signal })
  const [source, kustomization] = await Promise.all([
    readSync(context, 'GitRepository'),
    readSync(context, 'Kustomization'),
  ])
  const path = kustomization === undefined ? options.path : normalPath(kustomization.spec?.path)
  const branch = source?.spec?.ref?.branch ?? options.branch
  if (path !== options.path || branch !== options.branch)
    throw new EngineError(
      `this cluster is synced from '${path}' of the branch '${branch}' already; give --path ${path} and --branch ${branch}, or remove it first with 'sluice uninstall'`,
      { code: 'bootstrap-conflict' },
    )
  if (source === undefined) report.found(`Kubernetes ${version}, not synced from anywhere yet`)
  else report.found(`Kubernetes ${version}, synced from ${path} of ${branch}`)
}

/** Reads the repository, and makes it where there is none. */
export async function prepareRepository({ deps, options, state }: StepContext): Promise<void> {
  const { forge, report } = deps
  if (forge === undefined) {
    const url = options.repositoryUrl ?? ''
    report.begin(`repository ${new URL(url).host}${new URL(url).pathname}`)
    state.repository = { cloneUrl: url, isPrivate: options.secretData !== undefined, id: url }
    return report.found('it is reached without an API')
  }
  report.begin(`repository at ${forge.title}`)
  const found = await forge.readRepository()
  if (found !== undefined) {
    state.repository = found
    return report.found(`${found.id} is there (${found.isPrivate ? 'private' : 'public'})`)
  }
  const how = options.isPrivate ? 'private' : 'public'
  if (options.isDryRun) return report.done(`would make it, ${how}`)
  state.repository = await forge.createRepository({ isPrivate: options.isPrivate })
  state.writes += 1
  report.done(`made ${state.repository.id}, ${how}`)
}

/** Writes the cluster side into Git: before anything is in the cluster, so that Git says what is there. */
export async function writeFiles({ deps, options, state }: StepContext): Promise<void> {
  const { report } = deps
  const { repository } = state
  report.begin(`files in ${options.path}/${systemNamespace}`)
  const layoutOf = (existing: { readonly [path: string]: string }): void => {
    state.layout = layOut({
      existing,
      url: repository?.cloneUrl ?? deps.forge?.expectedCloneUrl ?? '',
      branch: options.branch,
      path: options.path,
      hasSecret: options.secretData !== undefined && (repository?.isPrivate ?? options.isPrivate),
      ...(options.sourceProvider === undefined ? {} : { provider: options.sourceProvider }),
      stopFluxControllers: options.stopFluxControllers,
    })
  }
  if (repository === undefined) {
    layoutOf({})
    return tellFiles({ deps, options, state })
  }
  const branch = await openBranch(deps.git, {
    url: repository.cloneUrl,
    branch: options.branch,
    credentials: deps.gitCredentials,
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  })
  const existing: { [path: string]: string } = {}
  for (const path of await branch.list(`${options.path}/${systemNamespace}`)) {
    const text = await branch.read(path)
    if (text !== undefined) existing[path] = text
  }
  layoutOf(existing)
  const { layout } = state
  if (branch.head !== undefined) state.head = branch.head
  if (layout === undefined) return
  if (layout.changed.length === 0) {
    const whose = layout.origin === 'flux' ? ", beside Flux's" : ''
    return report.nothing(`${options.branch} has them${whose} (${(branch.head ?? '').slice(0, 8)})`)
  }
  if (options.isDryRun) return tellFiles({ deps, options, state })
  const files = Object.fromEntries(layout.changed.map((path) => [path, layout.files[path] ?? '']))
  const verb = layout.origin === 'nobody' ? 'Add' : 'Update'
  const message = `${verb} the cluster side of ${options.cluster}\n\nWritten by 'sluice bootstrap'.\n`
  const commit = await branch.push({ files, message, author: options.author })
  if (commit === undefined) return report.nothing(`${options.branch} has them`)
  state.head = commit
  state.writes += 1
  report.done(`pushed ${commit.slice(0, 8)} to ${options.branch}`, layout.changed)
}

function tellFiles({ deps, options, state }: StepContext): void {
  const changed = state.layout?.changed ?? []
  deps.report.done(`would push a commit to ${options.branch}`, changed)
  for (const path of changed) deps.report.show(path, state.layout?.files[path] ?? '')
}
