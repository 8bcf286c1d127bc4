import { serve } from '@hono/node-server'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { auditMark, readRequestCounts } from './audit-log.ts'
import { makeCertificates, type TestCertificates } from './certificates.ts'
import type { TestCluster } from './cluster.ts'
import { requester, startControlPlane, type ControlPlane } from './control-plane.ts'
import { createNamespace } from './create-namespace.ts'
import { startTlsFront, type Front } from './fronts.ts'
import { createKubeTestClient, type KubeTestClient } from './kube-test-client.ts'
import { untilAllowed } from './tenant.ts'

const cli = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** A control plane that trusts the tokens of an issuer, and the place where that issuer is to answer. */
export interface TrustingCluster {
  readonly cluster: TestCluster
  /** `https://127.0.0.1:port`, under TLS by an authority of its own. */
  readonly issuerUrl: string
  readonly certificates: TestCertificates
  /** `METHOD path` of what came in at the issuer's address. */
  readonly asked: readonly string[]
  /** Who answers there; before the first call nobody does (503). */
  answerWith(fetch: (request: Request) => Response | Promise<Response>): void
  /** Waits until the API server has found the issuer, which it looks for every ten seconds from its start: until it takes this token. */
  untilTrusted(token: () => Promise<string>): Promise<void>
  /** Status of a request with a token. */
  statusWith(token: string, path?: string): Promise<number>
  stop(): Promise<void>
}

/** Starts it. The AuthenticationConfiguration is what `sluice issuer authentication-config` prints for the cluster's name. */
export async function startTrustingCluster(
  clusterName = 'test',
  flags: readonly string[] = [],
): Promise<TrustingCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-trust-'))
  const certificates = makeCertificates()
  let answer = (_request: Request): Response | Promise<Response> => new Response('nobody yet', { status: 503 })
  const server = await new Promise<Server>((resolve) => {
    const started = serve({ fetch: (request) => answer(request), port: 0, hostname: '127.0.0.1' }, () =>
      resolve(started as Server),
    )
  })
  const front = await startTlsFront(`127.0.0.1:${(server.address() as AddressInfo).port}`, { certificates })
  const issuerUrl = `https://${front.host}`
  const caFile = join(directory, 'ca.pem')
  const configFile = join(directory, 'authentication.yaml')
  await writeFile(caFile, certificates.ca)
  const args = ['issuer', 'authentication-config', '--issuer', issuerUrl, '--cluster', clusterName, '--ca', caFile]
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args])
  await writeFile(configFile, stdout)
  const plane = await startControlPlane({ apiServerFlags: [`--authentication-config=${configFile}`, ...flags] })
  const made = testCluster(plane)
  const statusWith = async (token: string, path = '/api/v1/namespaces/default/configmaps'): Promise<number> => {
    const client = createKubeTestClient({ ...plane, token })
    try {
      await client.request('GET', path)
      return 200
    } catch (error) {
      return (error as { status?: number }).status ?? 0
    } finally {
      client.close()
    }
  }
  return {
    cluster: made.cluster,
    issuerUrl,
    certificates,
    asked: front.seen,
    answerWith: (fetch) => void (answer = fetch),
    statusWith,
    untilTrusted: async (token) => {
      for (let round = 0; round < 300; round++) {
        if ((await statusWith(await token())) !== 401) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error(`the API server does not trust ${issuerUrl}`)
    },
    stop: async () => {
      made.close()
      await plane.stop()
      await close(front, server)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function close(front: Front, server: Server): Promise<void> {
  await front.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

function testCluster(plane: ControlPlane): { readonly cluster: TestCluster; readonly close: () => void } {
  const clients = new Map<string, KubeTestClient>()
  const as = (user: string): KubeTestClient => {
    const client = clients.get(user) ?? createKubeTestClient({ ...plane, ...(user === '' ? {} : { as: user }) })
    clients.set(user, client)
    return client
  }
  const source = { auditLogPath: plane.auditLogPath, request: requester(plane) }
  const cluster: TestCluster = {
    address: plane,
    client: as(''),
    as,
    namespace: async () => {
      const name = `test-${randomBytes(4).toString('hex')}`
      await createNamespace(as(''), name)
      return name
    },
    auditMark: () => auditMark(source),
    requestCounts: (since) => readRequestCounts(source, since),
  }
  return {
    cluster,
    close: () => {
      for (const client of clients.values()) client.close()
    },
  }
}

/** Gives the deployment (group `sluice:deployment`) what a run needs by itself: Flux's objects, events, sources. Not the right to impersonate, and nothing of what tenants own. */
export async function allowDeployment(client: KubeTestClient): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  const flux = ['source', 'kustomize', 'helm', 'notification'].map((name) => `${name}.toolkit.fluxcd.io`)
  await client.apply({
    apiVersion: `${group}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'sluice-deployment' },
    rules: [
      { apiGroups: flux, resources: ['*'], verbs: ['*'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update', 'patch'] },
      { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['sluice-hold'], verbs: ['get'] },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'list'] },
    ],
  })
  await client.apply({
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'sluice-deployment' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'sluice-deployment' },
    subjects: [{ apiGroup: group, kind: 'Group', name: 'sluice:deployment' }],
  })
}

/** Lets a tenant write ConfigMaps in one namespace, by the user's name. */
export async function allowTenant(client: KubeTestClient, namespace: string, user: string): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  const meta = { apiVersion: `${group}/v1`, metadata: { name: 'tenant', namespace } }
  await client.apply({ ...meta, kind: 'Role', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }] })
  await client.apply({
    ...meta,
    kind: 'RoleBinding',
    roleRef: { apiGroup: group, kind: 'Role', name: 'tenant' },
    subjects: [{ apiGroup: group, kind: 'User', name: user }],
  })
  await untilAllowed(client, { user }, namespace)
}
