import { EngineError, isEngineError, toEngineError } from '../../base/index.ts'
import {
  joinPlans,
  parseSeverities,
  planDocument,
  raw,
  showMessage,
  showName,
  type ApplicationInput,
  type PlanDocument,
  type Severity,
  type UnplannedCluster,
} from '../../plan/index.ts'
import type { KubeTransport, Logger } from '../../ports/index.ts'
import {
  changeInput,
  loadWorld,
  planChange,
  type ChangeJob,
  type ChangePlan,
  type ChangeRef,
  type EngineDeps,
} from '../../reconcile/index.ts'
import { createClusterCache, createKubeClient } from '../../kube/index.ts'
import { isSameRepository, normalizeRepositoryUrl } from '../../sources/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import type { GitRepository } from '../../api/index.ts'
import { usageError } from '../exit-codes.ts'
import { engineAt, type SettingFlags } from '../target/engine.ts'
import { branchOf, type ClusterEntry } from './entries.ts'
import { runGit } from './git.ts'
import { withWorkingCopy, workingCopyUrl } from './git-http.ts'
import type { WorkingCopy } from './working-copy.ts'

/** What is compared. */
export interface Comparison {
  readonly copy: WorkingCopy
  /** Whole commit ids. */
  readonly base: string
  readonly head: string
  /** How bad findings are, as the base says it. */
  readonly severities: { readonly [rule: string]: Severity }
}

/** A plan, and in which of its applications placeholders stand for what only a cluster has. */
export interface LocalPlan {
  readonly document: PlanDocument
  /** `HelmRelease/shop/web on production`. */
  readonly withPlaceholders: readonly string[]
}

/**
 * Plans without any cluster, for each one that the repository describes. A cluster whose plan cannot be made is named in the document; what is wrong with one application is in that.
 *
 * @throws EngineError `aborted`.
 */
export async function planEntries(
  compared: Comparison,
  entries: readonly ClusterEntry[],
  run: {
    readonly flags: SettingFlags
    readonly isOffline: boolean
    readonly logger: Logger
    readonly signal: AbortSignal
    readonly onCluster: (name: string) => void
  },
): Promise<LocalPlan> {
  const { copy, base, head } = compared
  const parts: PlanDocument[] = []
  const unplanned: UnplannedCluster[] = []
  const withPlaceholders: string[] = []
  for (const entry of entries) {
    run.onCluster(entry.name)
    const change = changeOf(compared, { url: entry.url, branch: entry.branch ?? '', live: 'denied' })
    const place = {
      name: entry.name,
      transport: noCluster(entry.name),
      logger: run.logger,
      isOffline: run.isOffline,
      http: (usual: EngineDeps['http']) => withWorkingCopy(usual, copy),
    }
    try {
      if (entry.branch === undefined)
        throw new EngineError(
          `it follows no branch of ${normalizeRepositoryUrl(entry.url)}, so that no push changes it`,
          {
            code: 'entry-invalid',
          },
        )
      const plan = await engineAt(place, run.flags, (deps) =>
        planChange(withKey(deps), jobOf(entry.name, change), run.signal, {
          url: workingCopyUrl,
          entry: { base: entry.base, head: entry.head },
        }),
      )
      parts.push(documentOf(change, plan))
      withPlaceholders.push(...namesWithPlaceholders(plan.applications))
    } catch (caught) {
      const error = toEngineError(caught)
      if (error.code === 'aborted' || error.disposition === 'bug') throw caught
      const reason = showMessage(raw(error.message), { isSecret: false, hasSecrets: false })
      unplanned.push({ cluster: showName(entry.name), reason })
    }
  }
  const input = changeInput(changeOf(compared, { url: entries[0]?.url ?? '', branch: '', live: 'denied' }))
  return { document: joinPlans({ ...input, base, head }, parts, { unplanned }), withPlaceholders }
}

/** Plans with a cluster: its objects, its Secrets where the caller may read them, and dry-runs. @throws EngineError of the cluster, and where it follows nothing that this is a copy of. */
export async function planOnLiveCluster(
  compared: Comparison,
  deps: EngineDeps,
  run: { readonly repository: FollowedRepository; readonly signal: AbortSignal },
): Promise<LocalPlan> {
  const change = changeOf(compared, { ...run.repository, live: 'read' })
  const plan = await planChange(withKey(deps), jobOf(deps.cluster.name, change), run.signal, { url: workingCopyUrl })
  return { document: documentOf(change, plan), withPlaceholders: [] }
}

/** A repository that a cluster follows, and which branch. */
export interface FollowedRepository {
  readonly url: string
  readonly branch: string
}

/**
 * Which repository of a cluster the working copy is one of: that of the GitRepository `source`, or the one that a remote leads to, however its URL is spelled.
 *
 * @param base what the user compares with: of several branches that are followed, the one of this name.
 * @throws EngineError `usage` where none is, or several are; those of the cluster.
 */
export async function followedRepository(
  deps: EngineDeps,
  copy: Pick<WorkingCopy, 'remotes'>,
  asked: { readonly source: string | undefined; readonly base: string; readonly signal: AbortSignal },
): Promise<FollowedRepository> {
  const { transport, clock, random, logger, settings, limits } = deps
  const ports = { transport, clock, random, logger, requestTimeoutMs: limits.requestTimeoutMs }
  const client = createKubeClient({ ...ports, cache: createClusterCache() })
  const world = await loadWorld(client, settings.namespaces, 'referenced', asked.signal)
  return chooseRepository(world.ofKind('GitRepository'), copy.remotes, asked)
}

/** See {@link followedRepository}. Exported for tests. */
export function chooseRepository(
  all: readonly GitRepository[],
  remotes: readonly string[],
  { source, base }: { readonly source: string | undefined; readonly base: string },
): FollowedRepository {
  const nameOf = ({ metadata }: GitRepository): string => `${metadata.namespace ?? ''}/${metadata.name}`
  const found = all.filter((object) =>
    source === undefined
      ? remotes.some((remote) => isSameRepository(remote, object.spec.url))
      : nameOf(object) === source,
  )
  const followed = found.flatMap((object) => {
    const branch = branchOf(object)
    return branch === undefined ? [] : [{ name: nameOf(object), url: object.spec.url, branch }]
  })
  const [first] = followed
  if (first === undefined) {
    const some = all.slice(0, 5).map(nameOf).join(', ')
    if (source !== undefined)
      throw usageError(
        found.length === 0
          ? `the cluster has no GitRepository ${source}${some === '' ? '' : `; it has ${some}`}`
          : `GitRepository ${source} follows no branch, so that no push changes it`,
      )
    throw usageError(
      `no GitRepository of the cluster follows a branch of a remote of this working copy${some === '' ? '' : `; name the one that it is with --source (${some})`}`,
    )
  }
  const isSame = (one: FollowedRepository, other: FollowedRepository): boolean =>
    one.branch === other.branch && isSameRepository(one.url, other.url)
  const others = followed.filter((one) => !isSame(one, first))
  if (others.length === 0) return first
  const named = followed.filter(({ branch }) => base === branch || base.endsWith(`/${branch}`))
  const [only] = named
  if (only !== undefined && named.every((one) => isSame(one, only))) return only
  throw usageError(
    `the cluster follows several branches or repositories that this may be: ${followed.map(({ name, branch }) => `${name} (${branch})`).join(', ')}; name one with --source`,
  )
}

/** Where a repository says how bad findings are. */
const severitiesFile = '.sluice/plan.yaml'

/** How bad findings are by the base commit, as for pull requests. @throws EngineError `plan-config-invalid` where the file cannot be used. */
export async function severitiesAt(copy: WorkingCopy, commit: string): Promise<{ readonly [rule: string]: Severity }> {
  const { code, stdout } = await runGit(['cat-file', 'blob', `${commit}:${severitiesFile}`], {
    ...copy.place,
    maxBytes: 64 << 10,
  })
  if (code !== 0) return {}
  try {
    // In the other dialect the severity `off` is the boolean.
    const value: unknown = parseYaml(new Uint8Array(stdout), { dialect: 'kyaml', strict: true }) ?? {}
    const given = typeof value === 'object' && value !== null && 'severities' in value ? value.severities : {}
    return parseSeverities(given ?? {})
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw new EngineError(`${severitiesFile} of the base cannot be used: ${error.message}`, {
      code: 'plan-config-invalid',
      cause: error,
    })
  }
}

function changeOf(
  { base, head, severities }: Comparison,
  { url, branch, live }: FollowedRepository & { readonly live: ChangeRef['live'] },
): ChangeRef {
  return {
    plan: 'local',
    urls: [url],
    repository: normalizeRepositoryUrl(url),
    branch: `refs/heads/${branch}`,
    base,
    head,
    live,
    secrets: live === 'read' ? 'used' : 'withheld',
    isOwn: true,
    severities,
  }
}

function jobOf(cluster: string, change: ChangeRef): ChangeJob {
  return { kind: 'trigger', runId: 'local', cluster, receivedAt: Date.now(), plan: true, change }
}

/** Nothing of this plan is compared with another one, so that its placeholders and digests are keyed for it alone. */
function withKey(deps: EngineDeps): EngineDeps {
  return { ...deps, planKey: crypto.getRandomValues(new Uint8Array(32)) }
}

function documentOf(change: ChangeRef, { applications }: ChangePlan): PlanDocument {
  return planDocument(
    { change: changeInput(change), applications },
    { severities: parseSeverities(change.severities ?? {}) },
  )
}

function namesWithPlaceholders(applications: readonly ApplicationInput[]): readonly string[] {
  return applications
    .filter(({ hasSecrets }) => hasSecrets)
    .map(({ kind, namespace, name, cluster }) => showName(`${kind}/${namespace}/${name} on ${cluster}`))
}

/** There is no cluster, and nothing may ask for one. */
function noCluster(cluster: string): KubeTransport {
  return {
    cluster,
    send: () =>
      Promise.reject(
        new EngineError('a plan without a cluster has asked for one', { code: 'no-cluster', disposition: 'bug' }),
      ),
  }
}
