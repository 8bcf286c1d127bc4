/**
 * Node as a platform: SQLite for state and queue, the file system for blobs, node:http(s) for requests, the process for everything else. Each
 * function makes one implementation of a port; wiring them is the work of `functions/node.ts`.
 * @module
 */
export { createDirectoryBlobStore, type DirectoryBlobStoreOptions } from './blobs.ts'
export { systemClock } from './clock.ts'
export { openDatabase } from './database.ts'
export { createNodeHttpClient, type NodeHttpClient } from './http.ts'
export { createNodeKubeConnector } from './kube-connector.ts'
export { createNodeKubeTransport, type NodeKubeOptions, type NodeKubeTransport } from './kube-transport.ts'
export {
  createKubeconfigTransport,
  readKubeconfigCluster,
  type KubeconfigTransportOptions,
} from './kubeconfig-transport.ts'
export { readKubeconfigCredential, type KubeconfigCredential } from './kubeconfig-credential.ts'
export { createJsonLogger } from './logger.ts'
export { createNodeQueue, type NodeQueue, type NodeQueueOptions } from './queue.ts'
export { systemRandom } from './random.ts'
export { createEnvironmentReader } from './read-setting.ts'
export { createNodeStateStore } from './state-store.ts'
export { createNodeSshClient, type NodeSshClient } from './ssh.ts'
