import { StateObject } from '../src/platforms/cloudflare/index.ts'
import { createClusterObject } from './cloudflare/cluster.ts'
import { createWorker } from './cloudflare/worker.ts'
import { createEngine } from './engine.ts'

// The deployment on Cloudflare Workers: three handlers and two classes of Durable Objects (infra/wrangler/wrangler.jsonc).
export { StateObject }
export const ClusterObject = createClusterObject(createEngine)
export default createWorker()
