import { EngineError } from '../src/base/index.ts'
import { createKubeClient, type KubeClient } from '../src/kube/index.ts'
import type { KubeResponse, KubeTransport } from '../src/ports/index.ts'
import type { FunctionDeps } from './deps.ts'

/**
 * A client of a cluster for one request, as the deployment itself; undefined where the configuration has none of that name. What discovery has learned before is used again.
 *
 * @param limits `maxBytes`: of all answers together, after which reading fails with `cluster-answer`.
 */
export async function clusterClient(
  { connectTo, clock, random, logger, memory }: FunctionDeps,
  cluster: string,
  limits: { readonly requestTimeoutMs: number; readonly maxBytes?: number },
): Promise<KubeClient | undefined> {
  const { requestTimeoutMs, maxBytes } = limits
  const connected = await connectTo(cluster)
  if (connected === undefined) return undefined
  const transport = maxBytes === undefined ? connected : bounded(connected, maxBytes)
  return createKubeClient({ transport, clock, random, logger, cache: memory.clusterCache(cluster), requestTimeoutMs })
}

function bounded(transport: KubeTransport, maxBytes: number): KubeTransport {
  let left = maxBytes
  const readText = async ({ body }: KubeResponse): Promise<string> => {
    if (body === null) return ''
    const decoder = new TextDecoder()
    let text = ''
    // Leaving the loop cancels the answer.
    for await (const chunk of body) {
      left -= chunk.length
      if (left < 0)
        throw new EngineError(`the cluster answered with more than ${maxBytes} bytes`, { code: 'cluster-answer' })
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  }
  return {
    cluster: transport.cluster,
    send: async (request) => {
      const response = await transport.send(request)
      return { status: response.status, headers: response.headers, body: response.body, text: () => readText(response) }
    },
  }
}
