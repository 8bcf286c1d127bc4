import type { KubeRequest, KubeTransport } from '../../../src/ports/index.ts'
import type { Clock } from '../../../src/ports/index.ts'
import { createClusterCache, createKubeClient, type KubeClient } from '../../../src/kube/index.ts'
import { textResponse } from '../../support/cut-transport.ts'
import { createMemoryLogger } from '../../support/memory-ports.ts'

/** An answer of the fake server; an Error is a dropped connection. */
export type FakeAnswer =
  | { readonly status: number; readonly body?: object | string; readonly headers?: { readonly [name: string]: string } }
  | Error

/** A clock that only moves when somebody sleeps. */
export function createFakeClock(): Clock & { readonly sleeps: number[] } {
  let now = 1_000_000
  const sleeps: number[] = []
  return {
    sleeps,
    now: () => now,
    sleep: async (ms) => {
      sleeps.push(ms)
      now += ms
    },
  }
}

const resource = (group: string, kind: string, plural: string, scope: string): object => ({
  metadata: group === '' ? {} : { name: group },
  versions: [
    {
      version: 'v1',
      freshness: 'Current',
      resources: [{ resource: plural, responseKind: { kind }, scope, verbs: ['get'] }],
    },
  ],
})

/** Aggregated discovery of ConfigMaps, Secrets and Namespaces. */
export const discoveryAnswers: { readonly [path: string]: object } = {
  '/api': {
    kind: 'APIGroupDiscoveryList',
    items: [
      {
        metadata: {},
        versions: [
          {
            version: 'v1',
            resources: [
              {
                resource: 'configmaps',
                responseKind: { kind: 'ConfigMap' },
                scope: 'Namespaced',
                verbs: [],
                subresources: [{ subresource: 'status' }],
              },
              { resource: 'secrets', responseKind: { kind: 'Secret' }, scope: 'Namespaced', verbs: [] },
              { resource: 'namespaces', responseKind: { kind: 'Namespace' }, scope: 'Cluster', verbs: [] },
            ],
          },
        ],
      },
    ],
  },
  '/apis': { kind: 'APIGroupDiscoveryList', items: [resource('apps', 'Deployment', 'deployments', 'Namespaced')] },
}

export interface FakeServer {
  readonly transport: KubeTransport
  readonly clock: ReturnType<typeof createFakeClock>
  readonly client: KubeClient
  /** Requests apart from discovery. */
  readonly requests: KubeRequest[]
}

/** A client whose server gives these answers, one after the other; the last one again and again. */
export function createFakeServer(
  answers: readonly FakeAnswer[],
  options: { readonly random?: number } = {},
): FakeServer {
  const clock = createFakeClock()
  const requests: KubeRequest[] = []
  const transport: KubeTransport = {
    cluster: 'fake',
    send: async (request) => {
      const discovery = discoveryAnswers[request.path]
      if (discovery) return textResponse(200, JSON.stringify(discovery))
      const answer = answers[Math.min(requests.length, answers.length - 1)]
      requests.push(request)
      if (!answer || answer instanceof Error) throw answer ?? new Error('no answer')
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {})
      return textResponse(answer.status, text, answer.headers ?? {})
    },
  }
  const client = createKubeClient({
    transport,
    clock,
    random: { bytes: (length) => new Uint8Array(length).fill(options.random ?? 255) },
    logger: createMemoryLogger(),
    cache: createClusterCache(),
    requestTimeoutMs: 5_000,
    callTimeoutMs: 30_000,
  })
  return { transport, clock, client, requests }
}

export function status(code: number, reason: string, message: string, details: object = {}): FakeAnswer {
  return { status: code, body: { kind: 'Status', status: 'Failure', code, reason, message, details } }
}
