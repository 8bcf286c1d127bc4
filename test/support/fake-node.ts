import type { KubeTestClient } from './kube-test-client.ts'
import { KubeTestError } from './kube-test-client.ts'

/** How a node names itself. */
export interface FakeNode {
  readonly name: string
  readonly ip: string
}

const leaseNamespace = 'kube-node-lease'

/** Registers a node that is Ready and has room for everything. Does nothing for a node that is there. */
export async function registerNode(client: KubeTestClient, node: FakeNode): Promise<void> {
  const labels = {
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'node.kubernetes.io/instance-type': 'fake',
  }
  await ignoreConflict(
    client.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node.name, labels },
      spec: { podCIDR: '10.244.0.0/16' },
    }),
  )
  await beat(client, node)
}

/** A heartbeat: the node's status and its lease. Without it the node would be taken for dead after 50 seconds. */
export async function beat(client: KubeTestClient, node: FakeNode): Promise<void> {
  const now = new Date().toISOString()
  const room = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '1000' }
  const seconds = now.replace(/\.\d+Z$/, 'Z')
  const pressures = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
    type,
    status: 'False',
    reason: `KubeletHasNo${type}`,
    message: 'a fake node is never short of anything',
    lastHeartbeatTime: seconds,
  }))
  const status = {
    capacity: room,
    allocatable: room,
    conditions: [
      ...pressures,
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'the fake kubelet is running',
        lastHeartbeatTime: seconds,
      },
    ],
    addresses: [
      { type: 'InternalIP', address: node.ip },
      { type: 'Hostname', address: node.name },
    ],
    nodeInfo: {
      architecture: 'amd64',
      operatingSystem: 'linux',
      kubeletVersion: 'v1.37.2',
      kubeProxyVersion: '',
      containerRuntimeVersion: 'fake://1',
      osImage: 'fake',
      kernelVersion: 'fake',
      machineID: node.name,
      systemUUID: node.name,
      bootID: node.name,
    },
  }
  await client.patch(
    { apiVersion: 'v1', kind: 'Node', name: node.name },
    { status },
    { type: 'strategic', subresource: 'status' },
  )
  const lease = { holderIdentity: node.name, leaseDurationSeconds: 40, renewTime: now.replace('Z', '000Z') }
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: node.name, namespace: leaseNamespace },
    spec: lease,
  }
  try {
    await client.apply(object, { fieldManager: 'fake-kubelet' })
  } catch (error) {
    // The namespace appears a moment after the server's start; the next beat is in time.
    if (!(error instanceof KubeTestError && error.status === 404)) throw error
  }
}

async function ignoreConflict(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof KubeTestError && error.status === 409)) throw error
  }
}
