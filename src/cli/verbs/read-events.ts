import type { KubeClient } from '../../kube/index.ts'

/** A Kubernetes Event about an object, as verbs show it. */
export interface EventRow {
  /** Milliseconds since 1970 of the last time. */
  readonly at: number
  readonly type: string
  readonly reason: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly message: string
  readonly count: number
}

interface CoreEvent {
  readonly metadata: { readonly namespace?: string; readonly creationTimestamp?: string }
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string }
  readonly involvedObject: {
    readonly apiVersion?: string
    readonly kind?: string
    readonly namespace?: string
    readonly name?: string
  }
}

/** Which events are read. */
export interface EventsQuery {
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly kind?: string
  readonly name?: string
  /** Only events about objects of ours. */
  readonly oursOnly?: boolean
}

/** Events, the latest last. The API server keeps them for an hour. */
export async function readEvents(client: KubeClient, query: EventsQuery): Promise<readonly EventRow[]> {
  const { namespace, kind, name } = query
  const fields = [
    ...(kind === undefined ? [] : [`involvedObject.kind=${kind}`]),
    ...(name === undefined ? [] : [`involvedObject.name=${name}`]),
  ].join(',')
  const { items } = await client.list<CoreEvent>(
    { apiVersion: 'v1', kind: 'Event' },
    { namespace, ...(fields === '' ? {} : { fieldSelector: fields }) },
  )
  return items
    .filter(
      ({ involvedObject }) =>
        query.oursOnly !== true || /\.toolkit\.fluxcd\.io\//.test(involvedObject.apiVersion ?? ''),
    )
    .map(eventRow)
    .toSorted((a, b) => a.at - b.at)
}

function eventRow(event: CoreEvent): EventRow {
  const { involvedObject, metadata, series } = event
  const time = series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? metadata.creationTimestamp ?? ''
  return {
    at: Date.parse(time) || 0,
    type: event.type ?? 'Normal',
    reason: event.reason ?? '',
    kind: involvedObject.kind ?? '',
    namespace: involvedObject.namespace ?? metadata.namespace ?? '',
    name: involvedObject.name ?? '',
    message: event.message ?? '',
    count: series?.count ?? event.count ?? 1,
  }
}
