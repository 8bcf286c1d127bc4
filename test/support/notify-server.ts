import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ProviderType } from '../../src/api/index.ts'
import type { EgressPolicy } from '../../src/base/index.ts'
import {
  notificationProvider,
  secretsOf,
  type NotificationEvent,
  type SendContext,
  type Target,
} from '../../src/notify/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import type { Clock, HttpClient } from '../../src/ports/index.ts'
import { systemClock } from './memory-ports.ts'

/** A request as it arrived, with the URL that it was meant for. */
export interface ReceivedNotification {
  readonly method: string
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

/** What the server answers to a request. */
export interface NotificationAnswer {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  /** No answer at all: the connection is closed. */
  readonly drop?: boolean
  /** Never answers. */
  readonly hang?: boolean
  /** Milliseconds before the answer. */
  readonly delayMs?: number
}

/** A real server that takes whatever is sent to any receiving end, and a client that leads every host to it. */
export interface NotifyServer {
  readonly origin: string
  /** Leads every host to the server. */
  readonly http: HttpClient
  readonly received: ReceivedNotification[]
  /** Answers, first to last; with none left, 200 and an empty body. */
  answer(...answers: NotificationAnswer[]): void
  /** Answers whatever is asked; undefined leaves it to {@link answer}. */
  answerWith(answer: (request: ReceivedNotification) => NotificationAnswer | undefined): void
  close(): Promise<void>
}

const meant = 'x-test-meant-for'

/** Starts it on loopback; with `tls` it speaks https. */
export async function startNotifyServer(tls?: ServerOptions): Promise<NotifyServer> {
  const received: ReceivedNotification[] = []
  const answers: NotificationAnswer[] = []
  let decide: (request: ReceivedNotification) => NotificationAnswer | undefined = () => undefined
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { [meant]: origin, ...headers } = request.headers as { [name: string]: string }
      const seen = {
        method: request.method ?? '',
        // A proxy is asked for whole URLs.
        url: URL.canParse(request.url ?? '')
          ? (request.url ?? '')
          : `${origin ?? `http://${headers['host'] ?? ''}`}${request.url ?? ''}`,
        headers,
        body: Buffer.concat(parts).toString(),
      }
      received.push(seen)
      const answer = decide(seen) ?? answers.shift() ?? {}
      if (answer.hang === true) return
      if (answer.drop === true) return void request.socket.destroy()
      setTimeout(() => {
        response.writeHead(answer.status ?? 200, answer.headers ?? {})
        response.end(answer.body ?? '')
      }, answer.delayMs ?? 0)
    })
  }
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createNodeHttpClient({ egress: { allowPrivate: true } })
  return {
    origin,
    received,
    http: {
      send: (request) => {
        const url = new URL(request.url)
        const headers = { ...request.headers, [meant]: url.origin }
        return client.send({ ...request, url: `${origin}${url.pathname}${url.search}`, headers })
      },
    },
    answer: (...more) => void answers.push(...more),
    answerWith: (given) => {
      decide = given
    },
    close: async () => {
      client.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The commit of {@link testEvent}. */
export const testCommit = 'b'.repeat(39) + 'c'

/** An error of a Kustomization, with the metadata as an Alert sends it. */
export const testEvent: NotificationEvent = {
  involvedObject: {
    kind: 'Kustomization',
    namespace: 'team',
    name: 'app',
    uid: '5a7b0f7c-0000-4000-8000-000000000001',
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    resourceVersion: '42',
  },
  severity: 'error',
  timestamp: '2026-01-02T03:04:05Z',
  message: 'health check failed: Deployment/web <not ready>',
  reason: 'HealthCheckFailed',
  metadata: { summary: 'production', revision: `main@sha1:${testCommit}` },
  reportingController: 'kustomize-controller',
  reportingInstance: 'kustomize-controller',
}

/** A Provider without anything. */
export function testTarget(type: ProviderType, more: Partial<Target> = {}): Target {
  return {
    type,
    name: 'provider',
    namespace: 'team',
    uid: 'c0ffee00-1111-4222-8333-444444444444',
    address: '',
    channel: '',
    username: '',
    password: '',
    token: '',
    headers: {},
    hasAppKeys: false,
    commitStatus: 'kustomization/app/c0ffee00',
    alert: { name: 'alert', namespace: 'team', uid: 'a1e47000-1111-4222-8333-555555555555' },
    ...more,
  }
}

/** What sending needs, against the server. */
export function testContext(
  server: NotifyServer,
  target: Target,
  more: Partial<SendContext> & {
    readonly timeoutMs?: number
    readonly egress?: EgressPolicy
    readonly clock?: Clock
  } = {},
): SendContext {
  const { timeoutMs = 15_000, clock = systemClock, ...rest } = more
  return {
    http: server.http,
    egress: {},
    clock,
    signal: AbortSignal.timeout(timeoutMs),
    deadline: clock.now() + timeoutMs,
    secrets: secretsOf(target),
    ...rest,
  }
}

/** Sends an event to a Provider as dispatching does. */
export async function sendTo(
  server: NotifyServer,
  target: Target,
  event: NotificationEvent = testEvent,
  more: Parameters<typeof testContext>[2] = {},
): Promise<void> {
  const provider = notificationProvider(target.type)
  if (provider === undefined) throw new Error(`no provider ${target.type}`)
  await provider.send(testContext(server, target, more), event, target)
}
