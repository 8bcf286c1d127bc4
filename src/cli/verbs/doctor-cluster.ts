import { apiVersions, type Kind } from '../../api/index.ts'
import { isEngineError, toEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { Cluster } from '../target/cluster.ts'
import { examinePermissions } from './doctor-permissions.ts'
import { clockFinding, clockSkewMs, type Finding } from './findings.ts'

/** The oldest version of Kubernetes that Flux 2.9 supports. */
const oldestMinor = 33
/** The newest version that this program is tested with. */
const newestMinor = 37

const area = 'cluster'

/** Looks at a cluster: can it be reached, as whom, are the definitions there, may a run do what it has to. Reads, and reviews of permissions. */
export async function examineCluster(cluster: Cluster, user: string | undefined): Promise<readonly Finding[]> {
  const reached = await reach(cluster)
  if (reached.some((finding) => finding.state === 'problem')) return reached
  const client = user === undefined ? cluster.client : cluster.client.as(user)
  const [who, definitions, rights, controllers] = await Promise.all([
    whoAmI(client),
    examineDefinitions(client),
    examinePermissions(client),
    findControllers(client),
  ])
  return [...reached, ...who, ...definitions, ...controllers, ...rights]
}

async function reach({ transport, kubeconfig, signal }: Cluster): Promise<readonly Finding[]> {
  try {
    const sentAt = Date.now()
    const response = await transport.send({
      method: 'GET',
      path: '/version',
      headers: { accept: 'application/json' },
      signal,
    })
    const receivedAt = Date.now()
    const text = await response.text()
    if (response.status === 401) {
      return [
        {
          area,
          state: 'problem',
          message: 'the API server does not accept the credentials',
          fix: `log in again, or correct the user of the context in ${kubeconfig}`,
        },
      ]
    }
    const { gitVersion = '' } = JSON.parse(text) as { readonly gitVersion?: string }
    return [
      { area, state: 'ok', message: `the API server answers (${receivedAt - sentAt} ms)` },
      versionFinding(gitVersion),
      clockFinding(area, clockSkewMs(response.headers.get('date'), sentAt, receivedAt)),
    ]
  } catch (caught) {
    const { message } = toEngineError(caught)
    return [
      {
        area,
        state: 'problem',
        message,
        fix: `check the address of the context in ${kubeconfig}, the network and any proxy`,
      },
    ]
  }
}

/** The finding about a version of Kubernetes. Exported for tests. */
export function versionFinding(version: string): Finding {
  const minor = Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? 'NaN')
  if (minor > newestMinor)
    return {
      area,
      state: 'warning',
      message: `Kubernetes ${version} is newer than what this version of Sluice is tested with (1.${newestMinor})`,
      fix: 'it may well work; look whether there is a newer version of Sluice before production relies on it',
    }
  if (minor >= oldestMinor) return { area, state: 'ok', message: `Kubernetes ${version}` }
  return {
    area,
    state: 'warning',
    message: `Kubernetes ${version === '' ? 'of an unknown version' : version}`,
    fix: `Flux 2.9, whose definitions are used, supports 1.${oldestMinor} and later; upgrade the cluster`,
  }
}

async function whoAmI(client: KubeClient): Promise<readonly Finding[]> {
  try {
    const review = (await client.create<object>(
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} },
      {},
    )) as { readonly status?: { readonly userInfo?: { readonly username?: string } } }
    return [
      {
        area,
        state: 'ok',
        message: `the credentials are those of ${review.status?.userInfo?.username ?? 'an unnamed user'}`,
      },
    ]
  } catch (caught) {
    const error = toEngineError(caught)
    const fix =
      error.code === 'kube-forbidden'
        ? 'to look as somebody else you need the right to impersonate'
        : 'log in again; a token may have expired'
    return [{ area, state: 'problem', message: `the credentials are not accepted: ${error.message}`, fix }]
  }
}

async function examineDefinitions(client: KubeClient): Promise<readonly Finding[]> {
  const kinds = Object.keys(apiVersions) as Kind[]
  const found = await Promise.all(
    kinds.map(async (kind): Promise<string> => {
      try {
        await client.resource({ apiVersion: apiVersions[kind], kind })
        return 'served'
      } catch (error) {
        return isEngineError(error) && error.code === 'kube-kind-unknown' ? 'missing' : toEngineError(error).message
      }
    }),
  )
  const missing = kinds.filter((_, index) => found[index] === 'missing')
  const broken = found.find((one) => one !== 'served' && one !== 'missing')
  if (broken !== undefined)
    return [
      {
        area,
        state: 'problem',
        message: `the kinds cannot be looked up: ${broken}`,
        fix: 'allow the user system:discovery',
      },
    ]
  if (missing.length === 0)
    return [
      { area, state: 'ok', message: `all ${kinds.length} kinds of Flux are served in the versions that are used` },
    ]
  const needed = missing.filter((kind) => ['GitRepository', 'Kustomization'].includes(kind))
  const listed = missing.map((kind) => `${kind} (${apiVersions[kind]})`).join(', ')
  return [
    {
      area,
      state: needed.length > 0 ? 'problem' : 'warning',
      message: `not served: ${listed}`,
      fix: 'apply the definitions: kubectl apply --server-side -f infra/crds; one that is served in an older version only needs the newer definition',
    },
  ]
}

/** Flux's own controllers would work against us. */
async function findControllers(client: KubeClient): Promise<readonly Finding[]> {
  interface Deployment {
    readonly metadata: { readonly name: string; readonly namespace?: string }
    readonly spec?: { readonly replicas?: number }
  }
  try {
    const { items } = await client.list<Deployment>(
      { apiVersion: 'apps/v1', kind: 'Deployment' },
      { labelSelector: 'app.kubernetes.io/part-of=flux' },
    )
    const running = items.filter(
      (item) => (item.spec?.replicas ?? 1) > 0 && /^(source|kustomize|helm)-controller$/.test(item.metadata.name),
    )
    if (running.length === 0) return [{ area, state: 'ok', message: "none of Flux's controllers runs beside" }]
    const names = running.map((item) => `${item.metadata.namespace ?? ''}/${item.metadata.name}`)
    return [
      {
        area,
        state: 'warning',
        message: `Flux's controllers run: ${names.join(', ')}`,
        fix: 'fine where Flux serves this cluster; a deployment of Sluice must not serve it at the same time: scale them to 0 first',
      },
    ]
  } catch (error) {
    if (isEngineError(error) && error.code === 'kube-forbidden')
      return [
        {
          area,
          state: 'warning',
          message: "whether Flux's controllers run cannot be seen",
          fix: 'allow the user to list deployments',
        },
      ]
    throw error
  }
}
