import { sha256Hex } from '../base/index.ts'
import { idOfSummary, type Job, type NodeRecord, type RunRecord } from '../reconcile/index.ts'

/** Objects of a run that get spans. */
const maxNodes = 500

interface Span {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly parent?: string
  readonly attributes?: { readonly [name: string]: string | number | undefined }
  readonly failure?: string | undefined
}

/**
 * A finished run as spans of OpenTelemetry, in the JSON of OTLP/HTTP (1.x): one trace per run, in it one span per cluster from the receipt to health, with the stages and the
 * objects below. Ids are made of the run's id, so that sending a run twice, or each cluster's part from somewhere else, gives one trace.
 */
export function traceOf(
  job: Job,
  record: RunRecord,
  options: { readonly service: string; readonly version: string },
): object {
  const traceId = sha256Hex(`sluice run ${job.runId}`).slice(0, 32)
  const spanId = (path: string): string => sha256Hex(`${job.runId} ${record.cluster} ${path}`).slice(0, 16)
  const spans = spansOf(job, record).map(([path, span]) => ({
    traceId,
    spanId: spanId(path),
    ...(span.parent === undefined ? {} : { parentSpanId: spanId(span.parent) }),
    name: span.name,
    kind: span.parent === undefined ? 5 : 1, // CONSUMER for what a queue has brought, INTERNAL for its parts.
    startTimeUnixNano: `${Math.round(span.from)}000000`,
    endTimeUnixNano: `${Math.round(Math.max(span.from, span.to))}000000`,
    attributes: attributesOf(span.attributes ?? {}),
    status: span.failure === undefined ? { code: 1 } : { code: 2, message: span.failure },
  }))
  const resource = attributesOf({ 'service.name': options.service, 'service.version': options.version })
  return {
    resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ scope: { name: 'sluice' }, spans }] }],
  }
}

/** The spans by a path that is theirs within the run and cluster. */
function spansOf(job: Job, record: RunRecord): readonly (readonly [string, Span])[] {
  const { receivedAt, finishedAt = receivedAt, startedAt, timings, error, state } = record
  const root: Span = {
    name: `${job.kind} ${record.cluster}`,
    from: receivedAt,
    to: Math.max(timings.healthyAt ?? 0, finishedAt),
    attributes: {
      'sluice.run': job.runId,
      'sluice.trigger': job.kind,
      'sluice.state': state,
      'sluice.requests': record.requests,
      'k8s.cluster.name': record.cluster,
      'vcs.ref.head.name': job.push?.ref,
      'vcs.ref.head.revision': job.push?.after,
    },
    ...(error === undefined
      ? state === 'succeeded'
        ? {}
        : { failure: state }
      : { failure: `${error.code}: ${error.message}` }),
  }
  const times = [
    ['received', startedAt],
    ['fetched', timings.fetchedAt],
    ['rendered', timings.renderedAt],
    ['applied', timings.appliedAt],
    ['healthy', timings.healthyAt],
  ] as const
  const spans: [string, Span][] = [['run', root]]
  let last = receivedAt
  for (const [name, at] of times) {
    if (at === undefined) continue
    spans.push([`stage ${name}`, { name, from: last, to: at, parent: 'run' }])
    last = Math.max(last, at)
  }
  for (const node of record.nodes.slice(0, maxNodes)) spans.push(...spansOfNode(node))
  return spans
}

function spansOfNode(node: NodeRecord): readonly [string, Span][] {
  const id = idOfSummary(node)
  const { startedAt, renderedAt, appliedAt, finishedAt } = node.timings
  const hasFailed = node.state === 'failed' || node.state === 'blocked'
  const spans: [string, Span][] = [
    [
      id,
      {
        name: `${node.kind} ${node.namespace}/${node.name}`,
        from: startedAt,
        to: finishedAt,
        parent: 'run',
        attributes: {
          'sluice.kind': node.kind,
          'k8s.namespace.name': node.namespace,
          'sluice.name': node.name,
          'sluice.state': node.state,
          'sluice.reason': node.reason,
          'sluice.revision': node.revision,
          'sluice.changes': node.changes.length,
        },
        ...(hasFailed ? { failure: (node.message ?? node.reason ?? node.state).slice(0, 500) } : {}),
      },
    ],
  ]
  let last = startedAt
  for (const [name, at] of [
    ['render', renderedAt],
    ['apply', appliedAt],
    ['health', appliedAt === undefined ? undefined : finishedAt],
  ] as const) {
    if (at === undefined) continue
    spans.push([`${id} ${name}`, { name, from: last, to: at, parent: id }])
    last = Math.max(last, at)
  }
  return spans
}

function attributesOf(values: { readonly [name: string]: string | number | undefined }): readonly object[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined) return []
    return [{ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } }]
  })
}
