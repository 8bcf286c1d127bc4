import assert from 'node:assert/strict'
import { createHash, createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { NotificationEvent, Target } from '../../../src/notify/index.ts'
import {
  sendTo,
  startNotifyServer,
  testCommit,
  testEvent,
  testTarget,
  type NotifyServer,
} from '../../support/notify-server.ts'

let server: NotifyServer
before(async () => {
  server = await startNotifyServer()
})
after(() => server.close())

const json = { 'content-type': 'application/json' }
const revision = `main@sha1:${testCommit}`
const text = 'health check failed: Deployment/web \\u003cnot ready\\u003e'
const uid = '5a7b0f7c-0000-4000-8000-000000000001'
const eventText = `{"involvedObject":{"kind":"Kustomization","namespace":"team","name":"app","uid":"${uid}","apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"error","timestamp":"2026-01-02T03:04:05Z","message":"${text}","reason":"HealthCheckFailed","metadata":{"revision":"${revision}","summary":"production"},"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller"}`
const info: NotificationEvent = {
  ...testEvent,
  severity: 'info',
  reason: 'ReconciliationSucceeded',
  message: 'done',
  metadata: {},
}
const infoText = `{"involvedObject":{"kind":"Kustomization","namespace":"team","name":"app","uid":"${uid}","apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"info","timestamp":"2026-01-02T03:04:05Z","message":"done","reason":"ReconciliationSucceeded","reportingController":"kustomize-controller","reportingInstance":"kustomize-controller"}`
const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex')

interface Expected {
  readonly url: string
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: string
}
interface Row {
  readonly name: string
  readonly target: Target
  readonly event?: NotificationEvent
  readonly want: readonly Expected[]
}

const hook = 'https://events.example.com/hook'
const sentryHeader = (id: string, type: string, length: number, dsn: string): string =>
  `{"event_id":"${id}","dsn":"${dsn}"}\n{"type":"${type}","length":${length}}\n`
const dsn = 'https://publickey@sentry.example.com/prefix/42'
const errorItem = `{"event_id":"${sha256(eventText).slice(0, 32)}","timestamp":"2026-01-02T03:04:05Z","level":"error","server_name":"kustomize-controller","transaction":"Kustomization: team/app","contexts":{"metadata":{"revision":"${revision}","summary":"production"}},"message":"${text}","environment":"prod","platform":"other"}`
const trace = `"trace_id":"${sha256(infoText).slice(32, 64)}","span_id":"${sha256(infoText).slice(0, 16)}","op":"event"`
const tags =
  '{"flux_involved_object_kind":"Kustomization","flux_involved_object_name":"app","flux_involved_object_namespace":"team","flux_reason":"ReconciliationSucceeded","flux_reporting_controller":"kustomize-controller","flux_reporting_instance":"kustomize-controller"}'
const infoItem = `{"event_id":"${sha256(infoText).slice(0, 32)}","type":"transaction","transaction":"Kustomization: team/app","message":"done","contexts":{"trace":{${trace}}},"tags":${tags},"start_timestamp":1767323045,"timestamp":1767323045,"spans":[{${trace},"tags":${tags},"start_timestamp":1767323045,"timestamp":1767323045}],"platform":"other"}`

const rows: readonly Row[] = [
  {
    name: 'generic',
    target: testTarget('generic', { address: hook, headers: { 'X-Api-Key': 'k1' } }),
    want: [
      {
        url: hook,
        headers: { ...json, 'gotk-component': 'kustomize-controller', 'x-api-key': 'k1', 'x-signature': undefined },
        body: eventText,
      },
    ],
  },
  {
    name: 'generic without metadata',
    target: testTarget('generic', { address: hook }),
    event: info,
    want: [{ url: hook, headers: json, body: infoText }],
  },
  {
    name: 'generic-hmac',
    target: testTarget('generic-hmac', { address: hook, token: 'signing key' }),
    want: [
      {
        url: hook,
        headers: {
          ...json,
          'gotk-component': 'kustomize-controller',
          'x-signature': `sha256=${createHmac('sha256', 'signing key').update(eventText).digest('hex')}`,
        },
        body: eventText,
      },
    ],
  },
  {
    name: 'opsgenie',
    target: testTarget('opsgenie', { address: 'https://api.opsgenie.com/v2/alerts', token: 'genie' }),
    want: [
      {
        url: 'https://api.opsgenie.com/v2/alerts',
        headers: { ...json, authorization: 'GenieKey genie' },
        body: `{"message":"Kustomization/app","alias":"${sha256('c0ffee00-1111-4222-8333-444444444444/Kustomization/team/app/HealthCheckFailed')}","description":"${text}","details":{"revision":"${revision}","severity":"error","summary":"production"}}`,
      },
    ],
  },
  {
    name: 'alertmanager, by token',
    target: testTarget('alertmanager', { address: 'https://am.example.com/api/v2/alerts/', token: 'am-token' }),
    want: [
      {
        url: 'https://am.example.com/api/v2/alerts/',
        headers: { ...json, authorization: 'Bearer am-token' },
        body: `[{"status":"firing","labels":{"alertname":"FluxKustomizationHealthcheckfailed","kind":"Kustomization","name":"app","namespace":"team","reason":"HealthCheckFailed","reportingcontroller":"kustomize-controller","revision":"${revision}","severity":"error"},"annotations":{"message":"${text}","summary":"production"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"0001-01-01T00:00:00Z"}]`,
      },
    ],
  },
  {
    name: 'alertmanager, by user and password',
    target: testTarget('alertmanager', { address: hook, username: 'u', password: 'p', token: 'unused' }),
    event: info,
    want: [
      {
        url: hook,
        headers: { ...json, authorization: 'Basic dTpw' },
        body: '[{"status":"firing","labels":{"alertname":"FluxKustomizationReconciliationsucceeded","kind":"Kustomization","name":"app","namespace":"team","reason":"ReconciliationSucceeded","reportingcontroller":"kustomize-controller","severity":"info"},"annotations":{"message":"done"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"0001-01-01T00:00:00Z"}]',
      },
    ],
  },
  {
    name: 'grafana',
    target: testTarget('grafana', { address: 'https://grafana.example.com/api/annotations/graphite', token: 'gr' }),
    want: [
      {
        url: 'https://grafana.example.com/api/annotations/graphite',
        headers: { ...json, authorization: 'Bearer gr' },
        body: `{"when":1767323045,"text":"kustomization/app.team","tags":["flux","kustomize-controller","revision: main@sha1|${testCommit}","summary: production","kind: Kustomization","name: app","namespace: team"]}`,
      },
    ],
  },
  {
    name: 'grafana, by user and password',
    target: testTarget('grafana', { address: hook, username: 'u', password: 'p' }),
    event: info,
    want: [
      {
        url: hook,
        headers: { ...json, authorization: 'Basic dTpw' },
        body: '{"when":1767323045,"text":"kustomization/app.team","tags":["flux","kustomize-controller","kind: Kustomization","name: app","namespace: team"]}',
      },
    ],
  },
  {
    name: 'pagerduty, an error',
    target: testTarget('pagerduty', { address: 'https://events.pagerduty.com/ignored', channel: 'routing-key' }),
    want: [
      {
        url: 'https://events.pagerduty.com/v2/enqueue',
        headers: json,
        body: `{"routing_key":"routing-key","event_action":"trigger","dedup_key":"${uid}","payload":{"summary":"health check failed: kustomization/app","source":"Flux kustomize-controller","severity":"error","timestamp":"2026-01-02T03:04:05Z","component":"app","group":"Kustomization","custom_details":{"message":"${text}","metadata":{"revision":"${revision}","summary":"production"}}}}`,
      },
    ],
  },
  {
    name: 'pagerduty, a success resolves and is a change',
    target: testTarget('pagerduty', { address: 'https://events.pagerduty.com', channel: 'routing-key' }),
    event: info,
    want: [
      {
        url: 'https://events.pagerduty.com/v2/enqueue',
        headers: json,
        body: `{"routing_key":"routing-key","event_action":"resolve","dedup_key":"${uid}"}`,
      },
      {
        url: 'https://events.pagerduty.com/v2/change/enqueue',
        headers: json,
        body: '{"routing_key":"routing-key","payload":{"summary":"reconciliation succeeded: kustomization/app","source":"Flux kustomize-controller","timestamp":"2026-01-02T03:04:05Z","custom_details":{"message":"done","metadata":{}}}}',
      },
    ],
  },
  {
    name: 'pagerduty, progress',
    target: testTarget('pagerduty', { address: 'https://events.pagerduty.com', channel: 'k' }),
    event: { ...info, reason: 'Progressing' },
    want: [],
  },
  {
    name: 'incident.io',
    target: testTarget('incident.io', { address: 'https://api.incident.io/v2/alert_events/http/abc', token: 'inc' }),
    want: [
      {
        url: 'https://api.incident.io/v2/alert_events/http/abc',
        headers: { ...json, authorization: 'Bearer inc' },
        body: `{"title":"kustomization/app.team: HealthCheckFailed","status":"firing","deduplication_key":"${uid}","description":"${text}","metadata":{"reason":"HealthCheckFailed","reportingController":"kustomize-controller","revision":"${revision}","severity":"error","summary":"production"}}`,
      },
    ],
  },
  {
    name: 'incident.io, a success',
    target: testTarget('incident.io', { address: hook, token: 'inc' }),
    event: info,
    want: [
      {
        url: hook,
        headers: json,
        body: `{"title":"kustomization/app.team: ReconciliationSucceeded","status":"resolved","deduplication_key":"${uid}","description":"done","metadata":{"reason":"ReconciliationSucceeded","reportingController":"kustomize-controller","severity":"info"}}`,
      },
    ],
  },
  {
    name: 'incident.io, progress',
    target: testTarget('incident.io', { address: hook, token: 'i' }),
    event: { ...info, reason: 'Progressing' },
    want: [],
  },
  {
    name: 'datadog',
    target: testTarget('datadog', { address: 'https://api.datadoghq.eu/ignored', token: 'dd-key' }),
    want: [
      {
        url: 'https://api.datadoghq.eu/api/v1/events',
        headers: { ...json, 'dd-api-key': 'dd-key' },
        body: `{"alert_type":"error","date_happened":1767323045,"source_type_name":"fluxcd","tags":["flux_reporting_controller:kustomize-controller","flux_reason:healthcheckfailed","kube_kind:kustomization","kube_name:app","kube_namespace:team","revision:${revision}","summary:production"],"text":"${text}","title":"Events from the Kustomization app/team"}`,
      },
    ],
  },
  {
    name: 'sentry, an error',
    target: testTarget('sentry', { address: dsn, channel: 'prod' }),
    want: [
      {
        url: 'https://sentry.example.com/prefix/api/42/envelope/',
        headers: {
          'content-type': 'application/x-sentry-envelope',
          'x-sentry-auth': 'Sentry sentry_version=7, sentry_client=sluice/1.0, sentry_key=publickey',
        },
        body: `${sentryHeader(sha256(eventText).slice(0, 32), 'event', errorItem.length, dsn)}${errorItem}\n`,
      },
    ],
  },
  {
    name: 'sentry, a success, with a DSN of the older kind',
    target: testTarget('sentry', { address: 'https://public:private@sentry.example.com/7' }),
    event: info,
    want: [
      {
        url: 'https://sentry.example.com/api/7/envelope/',
        headers: {
          'x-sentry-auth':
            'Sentry sentry_version=7, sentry_client=sluice/1.0, sentry_key=public, sentry_secret=private',
        },
        body: `${sentryHeader(sha256(infoText).slice(0, 32), 'transaction', infoItem.length, 'https://public:private@sentry.example.com/7')}${infoItem}\n`,
      },
    ],
  },
  {
    name: 'otel, an error',
    target: testTarget('otel', { address: 'https://otel.example.com:4318', token: 'ot', headers: { 'X-Scope': 's' } }),
    want: [
      {
        url: 'https://otel.example.com:4318/v1/traces',
        headers: { ...json, authorization: 'Bearer ot', 'x-scope': 's' },
        body: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"team/alert"}},{"key":"service.namespace","value":{"stringValue":"team"}},{"key":"service.instance.id","value":{"stringValue":"a1e47000-1111-4222-8333-555555555555"}}]},"scopeSpans":[{"scope":{"name":"flux:notification-controller"},"spans":[{"traceId":"${sha256(`a1e47000-1111-4222-8333-555555555555:${revision}`).slice(0, 32)}","spanId":"${sha256(eventText).slice(0, 16)}","name":"Kustomization: team/app","kind":1,"startTimeUnixNano":"1767323045000000000","endTimeUnixNano":"1767323045000000000","attributes":[{"key":"object.uid","value":{"stringValue":"${uid}"}},{"key":"object.kind","value":{"stringValue":"Kustomization"}},{"key":"object.name","value":{"stringValue":"app"}},{"key":"object.namespace","value":{"stringValue":"team"}},{"key":"revision","value":{"stringValue":"${revision}"}},{"key":"summary","value":{"stringValue":"production"}}],"status":{"message":"${text}","code":2}}]}],"schemaUrl":"https://opentelemetry.io/schemas/1.34.0"}]}`,
      },
    ],
  },
  {
    name: 'otel, a HelmRepository',
    target: testTarget('otel', { address: 'https://otel.example.com/v1/traces' }),
    event: { ...info, involvedObject: { ...info.involvedObject, kind: 'HelmRepository' } },
    want: [],
  },
  {
    name: 'githubdispatch',
    target: testTarget('githubdispatch', { address: 'https://github.com/org/repo.git', token: 'ghp' }),
    want: [
      {
        url: 'https://api.github.com/repos/org/repo/dispatches',
        headers: {
          ...json,
          authorization: 'Bearer ghp',
          accept: 'application/vnd.github+json',
          'user-agent': 'sluice',
        },
        body: `{"event_type":"Kustomization/app.team","client_payload":${eventText}}`,
      },
    ],
  },
]

describe('messages for programs', () => {
  for (const row of rows) {
    it(row.name, async () => {
      server.received.length = 0
      await sendTo(server, row.target, row.event ?? testEvent)
      assert.equal(server.received.length, row.want.length)
      for (const [index, want] of row.want.entries()) {
        const request = server.received[index]
        assert.equal(request?.method, 'POST')
        assert.equal(request.url, want.url)
        for (const [name, value] of Object.entries(want.headers)) assert.equal(request.headers[name], value, name)
        assert.equal(request.body, want.body)
      }
    })
  }

  it('nats says what is missing, and sends nothing', async () => {
    server.received.length = 0
    await assert.rejects(sendTo(server, testTarget('nats', { address: 'nats://nats:4222', channel: 'events' })), {
      code: 'notify-unsuitable',
      message: /TCP connection/,
    })
    assert.equal(server.received.length, 0)
  })

  it('spans of one revision are one trace, of releases by the digest of their artifact', async () => {
    const target = testTarget('otel', { address: 'https://otel.example.com/v1/traces' })
    const metadata = { 'oci-digest': 'sha256:1234', 'app-version': '1.2.3', revision: 'ignored' }
    server.received.length = 0
    await sendTo(server, target, { ...info, metadata })
    const id = sha256('a1e47000-1111-4222-8333-555555555555:1.2.3@sha256:1234').slice(0, 32)
    assert.match(server.received[0]?.body ?? '', new RegExp(`"traceId":"${id}".*"status":\\{"code":1\\}`))
  })
})

describe('clouds', () => {
  it('googlepubsub publishes with a token that the credentials file gets', async () => {
    const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const file = {
      type: 'service_account',
      client_email: 'sender@project.iam.gserviceaccount.com',
      private_key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      private_key_id: 'key-1',
      token_uri: 'https://oauth2.googleapis.com/token',
    }
    const target = testTarget('googlepubsub', {
      address: 'project-1',
      channel: 'events',
      token: JSON.stringify(file),
      headers: { env: 'prod' },
    })
    server.received.length = 0
    server.answer({ body: '{"access_token":"ya29.token","expires_in":3600}' }, { body: '{"messageIds":["1"]}' })
    await sendTo(server, target)
    const [login, publish] = server.received
    assert.equal(login?.url, 'https://oauth2.googleapis.com/token')
    const assertion = new URLSearchParams(login.body).get('assertion') ?? ''
    const [head, claims, signature] = assertion.split('.')
    assert.ok(
      verify('sha256', Buffer.from(`${head}.${claims}`), keys.publicKey, Buffer.from(signature ?? '', 'base64url')),
    )
    assert.equal(publish?.url, 'https://pubsub.googleapis.com/v1/projects/project-1/topics/events:publish')
    assert.equal(publish.headers['authorization'], 'Bearer ya29.token')
    assert.equal(
      publish.body,
      `{"messages":[{"data":"${Buffer.from(eventText).toString('base64')}","attributes":{"env":"prod"}}]}`,
    )
  })

  it('azureeventhub signs for the hub of the connection string', async () => {
    const target = testTarget('azureeventhub', {
      address:
        'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0LWtleQ==;EntityPath=hub',
    })
    const now = Date.parse('2026-01-02T03:04:05Z')
    const clock = { now: () => now, sleep: async () => undefined }
    server.received.length = 0
    server.answer({ status: 201 })
    await sendTo(server, target, testEvent, { clock })
    const [request] = server.received
    assert.equal(request?.url, 'https://ns.servicebus.windows.net/hub/messages?api-version=2014-01&timeout=60')
    assert.equal(request.headers['content-type'], 'application/atom+xml;type=entry;charset=utf-8')
    const resource = 'https%3A%2F%2Fns.servicebus.windows.net%2Fhub'
    const end = now / 1000 + 600
    const signature = createHmac('sha256', 'c2VjcmV0LWtleQ==').update(`${resource}\n${end}`).digest('base64')
    assert.equal(
      request.headers['authorization'],
      `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${end}&skn=send`,
    )
    assert.equal(request.body, eventText)
  })

  it('azureeventhub takes a token for a hub and its namespace', async () => {
    const target = testTarget('azureeventhub', { address: 'hub', channel: 'ns', token: 'jwt' })
    server.received.length = 0
    await sendTo(server, target)
    const [request] = server.received
    assert.equal(request?.url, 'https://ns.servicebus.windows.net/hub/messages?api-version=2014-01&timeout=60')
    assert.equal(request.headers['authorization'], 'Bearer jwt')
  })
})
