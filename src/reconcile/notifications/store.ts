import { sha256Hex, type Json } from '../../base/index.ts'
import type { NotificationEvent } from '../../notify/index.ts'
import type { StateStore } from '../../ports/index.ts'

/** Name of an Alert. */
export interface AlertName {
  readonly namespace: string
  readonly name: string
}

/** A notification that is to be sent. */
export interface Waiting {
  readonly alert: AlertName
  /** With its metadata ready for the Alert. */
  readonly event: NotificationEvent
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly attempts: number
  /** Not before. */
  readonly nextAt: number
  /** What went wrong last; no secret in it. */
  readonly error?: string
  /** The receiving end said no, where others may be heard: it does not hold up what comes behind it. */
  readonly isRefused?: boolean
}

/** An error that an Alert has told, and that is not over. */
export interface ErrorState {
  readonly alert: AlertName
  /** `Kind/namespace/name`. */
  readonly object: string
  /** Digests of what was told. */
  readonly told: readonly string[]
}

/** What the API shows of an Alert. */
export interface AlertRecord {
  readonly alert: string
  readonly provider: string
  readonly lastSentAt?: number
  readonly lastError?: string
  readonly lastErrorAt?: number
  /** Notifications that wait to be sent. */
  readonly waiting: number
}

const day = 24 * 3600
/** As long as Flux's rate limit keeps an event. */
const seenSeconds = 300
const waitingSeconds = day
const errorSeconds = 30 * day
const recordSeconds = 30 * day
/** Notifications that wait for a cluster; the oldest go where there are more. */
const maxWaiting = 500
const maxErrors = 1000
/** Different errors of one object that are remembered. */
const maxTold = 10

/** The notifications of one cluster in the state store. Losing it loses what waits to be sent, and may tell something twice. */
export interface NotificationStore {
  /** Whether an event was told within the last five minutes. */
  wasSeen(key: string): Promise<boolean>
  see(key: string): Promise<void>
  /** What waits, oldest first, by key. */
  waiting(): Promise<readonly { readonly key: string; readonly value: Waiting }[]>
  /** Adds notifications in their order. Returns how many old ones had to go. */
  enqueue(added: readonly Waiting[], before: number): Promise<number>
  putWaiting(key: string, value: Waiting, now: number): Promise<void>
  done(key: string): Promise<void>
  errors(): Promise<readonly ErrorState[]>
  putError(state: ErrorState): Promise<void>
  forgetError(state: Pick<ErrorState, 'alert' | 'object'>): Promise<void>
  record(alert: AlertName): Promise<AlertRecord | undefined>
  putRecord(alert: AlertName, record: AlertRecord): Promise<void>
}

/** The store of a cluster. Records of Alerts lie under `notify/<cluster>/<namespace>/<name>`, all else under `notifications/<cluster>/`. */
export function createNotificationStore(state: StateStore, cluster: string): NotificationStore {
  const base = `notifications/${cluster}/`
  const seenKey = (key: string): string => `${base}seen/${key}`
  const errorKey = ({ alert, object }: Pick<ErrorState, 'alert' | 'object'>): string =>
    `${base}errors/${sha256Hex(`${alert.namespace}/${alert.name} ${object}`).slice(0, 32)}`
  const recordKey = ({ namespace, name }: AlertName): string => `notify/${cluster}/${namespace}/${name}`
  const put = (key: string, value: object, ttlSeconds: number): Promise<void> =>
    state.put(key, JSON.parse(JSON.stringify(value)) as Json, { ttlSeconds })
  const list = async <T>(
    kind: string,
    limit: number,
  ): Promise<readonly { readonly key: string; readonly value: T }[]> =>
    (await state.list(`${base}${kind}/`, { limit })).map(({ key, value }) => ({ key, value: value as unknown as T }))
  return {
    wasSeen: async (key) => (await state.get(seenKey(key))) !== undefined,
    see: (key) => state.put(seenKey(key), true, { ttlSeconds: seenSeconds }),
    waiting: () => list<Waiting>('outbox', maxWaiting),
    enqueue: async (added, before) => {
      const tooMany = Math.max(0, before + added.length - maxWaiting)
      const old = tooMany === 0 ? [] : await list('outbox', tooMany)
      await Promise.all(old.map(({ key }) => state.delete(key)))
      await Promise.all(
        added.map((value, index) => {
          const time = String(value.createdAt).padStart(15, '0')
          const unique = sha256Hex(JSON.stringify(value)).slice(0, 12)
          return put(`${base}outbox/${time}-${String(index).padStart(4, '0')}-${unique}`, value, waitingSeconds)
        }),
      )
      return old.length
    },
    putWaiting: async (key, value, now) => {
      const left = waitingSeconds - Math.floor((now - value.createdAt) / 1000)
      await (left > 0 ? put(key, value, left) : state.delete(key))
    },
    done: (key) => state.delete(key),
    errors: async () => (await list<ErrorState>('errors', maxErrors)).map(({ value }) => value),
    putError: (error) => put(errorKey(error), { ...error, told: error.told.slice(-maxTold) }, errorSeconds),
    forgetError: (error) => state.delete(errorKey(error)),
    record: async (alert) => (await state.get(recordKey(alert))) as unknown as AlertRecord | undefined,
    putRecord: (alert, record) => put(recordKey(alert), record, recordSeconds),
  }
}
