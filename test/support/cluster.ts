import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, afterEach, before } from 'node:test'
import { EngineError } from '../../src/base/index.ts'
import { auditMark, readRequestCounts, type AuditMark, type RequestCounts } from './audit-log.ts'
import { startControlPlane, type ControlPlaneAddress } from './control-plane.ts'
import { createNamespace } from './create-namespace.ts'
import { endNamespace } from './end-namespace.ts'
import { startFakeKubelet } from './fake-kubelet.ts'
import { createKubeTestClient, type KubeTestClient } from './kube-test-client.ts'

/** Environment variable with the path of a file that holds the {@link ControlPlaneAddress} of the run's control plane. */
export const clusterVariable = 'SLUICE_TEST_CLUSTER'

/** The shared control plane as a test sees it. Fields may be read once the tests of the file have started. */
export interface TestCluster {
  readonly address: ControlPlaneAddress
  /** The administrator's client. */
  readonly client: KubeTestClient
  /** A new namespace, left to itself at the end of the test (see {@link endNamespace}). */
  namespace(): Promise<string>
  /** A client that acts as somebody else. */
  as(user: string): KubeTestClient
  auditMark(): Promise<AuditMark>
  requestCounts(since?: AuditMark): Promise<RequestCounts>
}

/**
 * To be called at the top of a test file, or inside a `describe`. Uses the control plane that `npm test` shares among all files; run alone with
 * `node --test`, the file gets one of its own.
 */
export function useCluster(): TestCluster {
  let address: ControlPlaneAddress | undefined
  let stop = async (): Promise<void> => undefined
  const clients = new Map<string, KubeTestClient>()
  const namespaces = new Set<string>()
  const known = (): ControlPlaneAddress => {
    if (address === undefined)
      throw new EngineError('the test cluster is there only while tests run', { code: 'test-cluster-early' })
    return address
  }
  const clientOf = (user: string): KubeTestClient => {
    const existing = clients.get(user)
    if (existing !== undefined) return existing
    const client = createKubeTestClient({ ...known(), ...(user === '' ? {} : { as: user }) })
    clients.set(user, client)
    return client
  }
  const source = (): { auditLogPath: string; request: (path: string) => Promise<unknown> } => ({
    auditLogPath: known().auditLogPath,
    request: (path) => clientOf('').request('GET', path),
  })

  before(async () => {
    const shared = process.env[clusterVariable]
    if (shared !== undefined && shared !== '') {
      address = JSON.parse(readFileSync(shared, 'utf8')) as ControlPlaneAddress
      return
    }
    const started = await startTestCluster((message) => process.stderr.write(`${message}\n`))
    address = started.address
    stop = started.stop
  })
  afterEach(async () => {
    const ended = [...namespaces]
    namespaces.clear()
    await Promise.all(ended.map((name) => endNamespace(clientOf(''), name)))
  })
  after(async () => {
    for (const client of clients.values()) client.close()
    await stop()
  })

  return {
    get address() {
      return known()
    },
    get client() {
      return clientOf('')
    },
    as: clientOf,
    namespace: async () => {
      const name = `test-${randomBytes(4).toString('hex')}`
      namespaces.add(name)
      await createNamespace(clientOf(''), name)
      return name
    },
    auditMark: () => auditMark(source()),
    requestCounts: (since) => readRequestCounts(source(), since),
  }
}

/** A control plane with one fake node. */
export async function startTestCluster(
  onProgress: (message: string) => void,
): Promise<{ readonly address: ControlPlaneAddress; readonly stop: () => Promise<void> }> {
  const controlPlane = await startControlPlane({
    onProgress: (message, seconds) => onProgress(`[${String(seconds).padStart(3)} s] ${message}`),
  })
  try {
    const kubelet = await startFakeKubelet(controlPlane)
    return {
      address: controlPlane,
      stop: async () => {
        await kubelet.stop()
        await controlPlane.stop()
      },
    }
  } catch (error) {
    await controlPlane.stop()
    throw error
  }
}
