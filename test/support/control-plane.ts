import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, toEngineError } from '../../src/base/index.ts'
import { auditMark, readRequestCounts, type AuditMark, type RequestCounts } from './audit-log.ts'
import { controlPlaneBinary, type OnProgress } from './control-plane-binary.ts'
import { kubeconfig, writeControlPlaneFiles, type ClusterUser, type ControlPlaneFiles } from './control-plane-files.ts'
import { startComponent, type Component } from './control-plane-process.ts'
import { freePorts } from './free-ports.ts'
import { createKubeTestClient } from './kube-test-client.ts'

export interface ControlPlaneOptions {
  /** Users besides the administrator. They may do nothing until RBAC says so. */
  readonly users?: readonly ClusterUser[]
  /** Runs kube-controller-manager. Default true. */
  readonly controllerManager?: boolean
  /** Runs kube-scheduler. Default false: the fake kubelet places pods. */
  readonly scheduler?: boolean
  readonly onProgress?: OnProgress
  /** Ends the control plane and this process on SIGINT, SIGTERM and SIGHUP. Default true; false for a caller that handles them. */
  readonly handleSignals?: boolean
  /** Extra flags of kube-apiserver. */
  readonly apiServerFlags?: readonly string[]
}

/** How to reach a running control plane; plain data. */
export interface ControlPlaneAddress {
  readonly server: string
  /** Certificates that the server's certificate is signed by. */
  readonly caPem: string
  /** The administrator's. */
  readonly token: string
  readonly userTokens: { readonly [name: string]: string }
  readonly kubeconfigPath: string
  readonly auditLogPath: string
}

/** A running control plane. */
export interface ControlPlane extends ControlPlaneAddress {
  /** A place in the request log, to count from. */
  auditMark(): Promise<AuditMark>
  /** Requests answered since `since`, or since the start. */
  requestCounts(since?: AuditMark): Promise<RequestCounts>
  /** Ends all components and removes their files. May be called twice. */
  stop(): Promise<void>
}

const readyDeadlineMs = 60_000
const attempts = 3
/** Followed by the id of the process that the files belong to. */
const directoryPrefix = 'sluice-controlplane-'

/**
 * Starts etcd, kube-apiserver (RBAC, audit log, service-account tokens) and, unless told otherwise, kube-controller-manager on free ports of
 * 127.0.0.1, with nothing kept afterwards. Everything ends with {@link ControlPlane.stop}, and also when this process ends in any way.
 *
 * @throws EngineError where Go is missing, the build fails, or a component does not become ready; with the end of its log.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const started = Date.now()
  const onProgress = options.onProgress ?? (() => undefined)
  const report = (message: string): void => onProgress(message, Math.round((Date.now() - started) / 1000))
  const binary = await controlPlaneBinary(onProgress)
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(binary, options, report)
    } catch (error) {
      // Another process may have taken a port between looking and listening.
      const isPortTaken = toEngineError(error).message.includes('address already in use')
      if (!isPortTaken || attempt === attempts) throw error
    }
  }
}

async function startOnce(
  binary: string,
  options: ControlPlaneOptions,
  report: (message: string) => void,
): Promise<ControlPlane> {
  await removeLeftovers()
  const directory = await mkdtemp(join(tmpdir(), `${directoryPrefix}${process.pid}-`))
  const components: Component[] = []
  const end = endWithProcess(components, directory, options.handleSignals ?? true)
  try {
    report('starting etcd and kube-apiserver')
    const files = await writeControlPlaneFiles(directory, options.users ?? [])
    const [etcdClient = 0, etcdPeer = 0, secure = 0] = await freePorts(3)
    const start = (name: string, flags: readonly string[]): void => {
      components.push(startComponent(binary, name, flags, join(directory, `${name}.log`)))
    }
    start('etcd', etcdFlags(directory, etcdClient, etcdPeer))
    start('kube-apiserver', [...apiServerFlags(files, etcdClient, secure), ...(options.apiServerFlags ?? [])])
    const server = `https://127.0.0.1:${secure}`
    const caPem = await waitUntilReady(components, server, files)
    const kubeconfigPath = join(directory, 'kubeconfig.json')
    await writeFile(kubeconfigPath, kubeconfig(server, caPem, files.token), { mode: 0o600 })
    const caFile = join(directory, 'ca.pem')
    await writeFile(caFile, caPem)
    if (options.controllerManager ?? true) {
      start('kube-controller-manager', controllerManagerFlags(files, kubeconfigPath, caFile))
    }
    if (options.scheduler ?? false) {
      start('kube-scheduler', ['--kubeconfig', kubeconfigPath, '--leader-elect=false', '--secure-port=0'])
    }
    report('the control plane is ready')
    const address: ControlPlaneAddress = {
      server,
      caPem,
      token: files.token,
      userTokens: files.userTokens,
      kubeconfigPath,
      auditLogPath: files.auditLog,
    }
    return withCounts(address, end)
  } catch (error) {
    await end()
    throw error
  }
}

function withCounts(address: ControlPlaneAddress, stop: () => Promise<void>): ControlPlane {
  const source = { auditLogPath: address.auditLogPath, request: requester(address) }
  return {
    ...address,
    auditMark: () => auditMark(source),
    requestCounts: (since) => readRequestCounts(source, since),
    stop,
  }
}

/** Sends a GET as the administrator on a connection of its own. */
export function requester(address: ControlPlaneAddress): (path: string) => Promise<unknown> {
  return async (path) => {
    const client = createKubeTestClient(address)
    try {
      return await client.request('GET', path)
    } finally {
      client.close()
    }
  }
}

function etcdFlags(directory: string, clientPort: number, peerPort: number): readonly string[] {
  const peer = `http://127.0.0.1:${peerPort}`
  const client = `http://127.0.0.1:${clientPort}`
  return [
    '--data-dir',
    join(directory, 'etcd'),
    '--unsafe-no-fsync',
    '--listen-client-urls',
    client,
    '--advertise-client-urls',
    client,
    '--listen-peer-urls',
    peer,
    '--initial-advertise-peer-urls',
    peer,
    '--initial-cluster',
    `default=${peer}`,
    '--log-level',
    'warn',
  ]
}

function apiServerFlags(files: ControlPlaneFiles, etcdPort: number, securePort: number): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${securePort}`,
    // The server makes its own authority and a certificate for 127.0.0.1 here.
    `--cert-dir=${files.certificates}`,
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.0.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    `--token-auth-file=${files.tokenFile}`,
    '--authorization-mode=RBAC',
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-mode=blocking',
    // One file: at 100 MB, which a whole run comes to, the server would begin another one under the marks that tests have set.
    '--audit-log-maxsize=0',
    '--allow-privileged=true',
    '--profiling=false',
  ]
}

function controllerManagerFlags(files: ControlPlaneFiles, kubeconfigPath: string, caFile: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfigPath}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    `--root-ca-file=${caFile}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--secure-port=0',
    '--allocate-node-cidrs=false',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ]
}

async function waitUntilReady(
  components: readonly Component[],
  server: string,
  files: ControlPlaneFiles,
): Promise<string> {
  const started = Date.now()
  let last = 'no answer yet'
  while (Date.now() - started < readyDeadlineMs) {
    const dead = components.find((component) => component.ended() !== undefined)
    if (dead !== undefined) {
      throw new EngineError(`${dead.name} ended with ${dead.ended()}:\n${await dead.logTail()}`, {
        code: 'controlplane-ended',
      })
    }
    try {
      const caPem = await readFile(join(files.certificates, 'apiserver.crt'), 'utf8')
      await requester({ ...emptyAddress, server, caPem, token: files.token })('/readyz')
      return caPem
    } catch (error) {
      last = toEngineError(error).message
    }
    await sleep(50)
  }
  const logs = await Promise.all(
    components.map(async (component) => `${component.name}:\n${await component.logTail()}`),
  )
  throw new EngineError(`the API server is not ready after ${readyDeadlineMs / 1000} s: ${last}\n${logs.join('\n')}`, {
    code: 'controlplane-not-ready',
  })
}

const emptyAddress: Omit<ControlPlaneAddress, 'server' | 'caPem' | 'token'> = {
  userTokens: {},
  kubeconfigPath: '',
  auditLogPath: '',
}

/** Removes files of processes that were killed before they could do so. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = Number(
      name.startsWith(directoryPrefix) ? name.slice(directoryPrefix.length).split('-')[0] : undefined,
    )
    if (!Number.isInteger(owner) || owner <= 0 || isRunning(owner)) continue
    await rm(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 3 })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Makes the end of this process the end of the components; the answer ends them now. */
function endWithProcess(
  components: readonly Component[],
  directory: string,
  handleSignals: boolean,
): () => Promise<void> {
  const onExit = (): void => {
    for (const component of components) component.killNow()
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
  const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  const handlers = Object.entries(signals).map(([signal, code]) => ({ signal, handle: () => process.exit(code) }))
  process.once('exit', onExit)
  if (handleSignals) for (const { signal, handle } of handlers) process.once(signal, handle)
  return async () => {
    await Promise.all(components.map((component) => component.kill()))
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
    process.off('exit', onExit)
    for (const { signal, handle } of handlers) process.off(signal, handle)
  }
}
