import { sha256Hex } from '../../base/index.ts'
import { configError } from '../errors.ts'
import { eventJson, unixSeconds, type NotificationEvent } from '../event.ts'
import { goJson, sortedMap } from '../go-json.ts'
import { plainProvider } from '../provider.ts'
import type { Target } from '../types.ts'

/** Sentry: errors are events, all else is a transaction with one span; in an envelope (develop.sentry.dev/sdk/data-model/envelopes). The address is the DSN, the channel the environment. */
export const sentry = plainProvider((event, target) => {
  const dsn = parseDsn(target)
  // Made from the event, so that one sent twice is one.
  const digest = sha256Hex(eventJson(event))
  const isError = event.severity === 'error'
  const item = goJson({
    event_id: digest.slice(0, 32),
    ...(isError ? errorEvent(event) : transaction(event, digest)),
    environment: target.channel === '' ? undefined : target.channel,
    platform: 'other',
  })
  const length = new TextEncoder().encode(item).length
  const envelope = [
    // Without `sent_at`, by which Sentry would move the times of what is sent late.
    goJson({ event_id: digest.slice(0, 32), dsn: target.address }),
    goJson({ type: isError ? 'event' : 'transaction', length }),
    item,
    '',
  ]
  const key = `sentry_key=${dsn.publicKey}${dsn.secretKey === '' ? '' : `, sentry_secret=${dsn.secretKey}`}`
  const headers = {
    'content-type': 'application/x-sentry-envelope',
    'x-sentry-auth': `Sentry sentry_version=7, sentry_client=sluice/1.0, ${key}`,
  }
  return [{ method: 'POST', url: dsn.url, headers, body: envelope.join('\n') }]
})

function parseDsn(target: Target): { readonly url: string; readonly publicKey: string; readonly secretKey: string } {
  const { address } = target
  const url = URL.canParse(address) ? new URL(address) : undefined
  const [, path = '', project = ''] = /^(.*)\/([^/]+)\/?$/.exec(url?.pathname ?? '') ?? []
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username === '' || project === '')
    throw configError("the Provider's address is no DSN of Sentry (https://<key>@<host>/<project>)")
  return {
    url: `${url.origin}${path}/api/${project}/envelope/`,
    publicKey: decodeURIComponent(url.username),
    secretKey: decodeURIComponent(url.password),
  }
}

function summary(event: NotificationEvent): string {
  const { kind, namespace, name } = event.involvedObject
  return `${kind}: ${namespace}/${name}`
}

function errorEvent(event: NotificationEvent): object {
  return {
    timestamp: event.timestamp,
    level: 'error',
    server_name: event.reportingController,
    transaction: summary(event),
    contexts: { metadata: sortedMap(event.metadata) },
    message: event.message,
  }
}

function transaction(event: NotificationEvent, digest: string): object {
  const { kind, namespace, name } = event.involvedObject
  const trace = { trace_id: digest.slice(32, 64), span_id: digest.slice(0, 16), op: 'event' }
  const tags = sortedMap({
    flux_involved_object_kind: kind,
    flux_involved_object_namespace: namespace,
    flux_involved_object_name: name,
    flux_reporting_controller: event.reportingController,
    flux_reporting_instance: event.reportingInstance,
    flux_reason: event.reason,
    ...event.metadata,
  })
  const time = { start_timestamp: unixSeconds(event), timestamp: unixSeconds(event) }
  return {
    type: 'transaction',
    transaction: summary(event),
    message: event.message,
    contexts: { trace },
    tags,
    ...time,
    spans: [{ ...trace, tags, ...time }],
  }
}
