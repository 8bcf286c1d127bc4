/**
 * Cloudflare Workers as a platform: Durable Objects with SQLite storage for state and coordination, Queues, the runtime's fetch and timers. Each
 * function makes one implementation of a port; wiring them is the work of `functions/cloudflare.ts`.
 * @module
 */
export { workerClock } from './clock.ts'
export { createFollowUps, type FollowUps } from './follow-ups.ts'
export { createCloudflareHttpClient } from './http.ts'
export { createCloudflareKubeConnector } from './kube-connector.ts'
export { createCloudflareKubeTransport, type CloudflareKubeOptions } from './kube-transport.ts'
export { createConsoleLogger } from './logger.ts'
export { consumeBatch, createCloudflareQueue } from './queue.ts'
export { workerRandom } from './random.ts'
export { createSqlBlobStore } from './sql-blob-store.ts'
export { markSqlSchema } from './sql-schema.ts'
export { createSqlStateStore } from './sql-state-store.ts'
export { createRoutedStateStore } from '../routed-state-store.ts'
export { createRemoteStateStore, StateObject, type StateNamespace } from './state-object.ts'
