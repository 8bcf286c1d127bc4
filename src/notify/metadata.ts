import type { Alert } from '../api/index.ts'
import { annotations } from '../api/index.ts'
import { sha256Hex } from '../base/index.ts'
import { objectGroup, type NotificationEvent } from './event.ts'

/** The event with the metadata that is of use: keys of the event's or the object's group, but for digests. */
export function cleanMetadata(event: NotificationEvent): NotificationEvent {
  const group = `${objectGroup(event)}/`
  const left = [`${group}checksum`, `${group}digest`]
  const kept = Object.entries(event.metadata).filter(
    ([key]) => (key.startsWith(annotations.eventPrefix) || key.startsWith(group)) && !left.includes(key.toLowerCase()),
  )
  return { ...event, metadata: Object.fromEntries(kept) }
}

/** By which the same event is known again (notification-controller 1.9, its rate limit): object, message, revisions and token. */
export function rateLimitKey(event: NotificationEvent): string {
  const { name, namespace, kind } = event.involvedObject
  const parts = ['event', `name=${name}`, `namespace=${namespace}`, `kind=${kind}`, `message=${event.message}`]
  for (const key of ['originRevision', 'revision', 'token']) {
    const value = event.metadata[`${objectGroup(event)}/${key}`]
    if (value !== undefined) parts.push(`${key}=${value}`)
  }
  return sha256Hex(parts.join('/'))
}

/** The metadata of an event as an Alert sends it, and the keys that several sources gave. */
export interface CombinedEvent {
  readonly event: NotificationEvent
  /** Sources by key, where there is more than one. */
  readonly conflicts: { readonly [key: string]: readonly string[] }
}

/**
 * The event as an Alert sends it (Flux's RFC 8). The later of these wins: keys of the event's group, `spec.eventMetadata`, `spec.summary`, keys of the object's group; prefixes are taken off, and the token is
 * left out.
 */
export function combineMetadata(event: NotificationEvent, alert: Pick<Alert, 'spec'>): CombinedEvent {
  const group = `${objectGroup(event)}/`
  const own = (prefix: string): readonly (readonly [string, string])[] =>
    Object.entries(event.metadata)
      .filter(([key]) => key.startsWith(prefix) && key !== `${group}token`)
      .map(([key, value]) => [key.slice(prefix.length), value] as const)
  const { eventMetadata = {}, summary = '' } = alert.spec
  const layers: readonly (readonly [source: string, entries: readonly (readonly [string, string])[]])[] = [
    ['involved object annotations', own(annotations.eventPrefix)],
    ['Alert object .spec.eventMetadata', Object.entries(eventMetadata)],
    ['Alert object .spec.summary', summary === '' ? [] : [['summary', summary]]],
    ['involved object controller metadata', own(group)],
  ]
  const metadata = new Map<string, string>()
  const sources = new Map<string, string[]>()
  for (const [source, entries] of layers) {
    for (const [key, value] of entries) {
      metadata.set(key, value)
      sources.set(key, [...(sources.get(key) ?? []), source])
    }
  }
  return {
    event: { ...event, metadata: Object.fromEntries(metadata) },
    conflicts: Object.fromEntries([...sources].filter(([, given]) => given.length > 1)),
  }
}
