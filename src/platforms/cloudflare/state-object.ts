import { DurableObject } from 'cloudflare:workers'
import type { DurableObjectNamespace, DurableObjectState, DurableObjectStub, Rpc } from '@cloudflare/workers-types'
import { EngineError, type Json } from '../../base/index.ts'
import type { StateEntry, StateStore } from '../../ports/index.ts'
import { workerClock } from './clock.ts'
import { markSqlSchema } from './sql-schema.ts'
import { createSqlStateStore } from './sql-state-store.ts'

/** The Durable Object that holds what all clusters share: deliveries, requests, records of runs. */
export class StateObject extends DurableObject {
  readonly #store: StateStore

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    markSqlSchema(ctx.storage.sql)
    this.#store = createSqlStateStore(ctx.storage.sql, workerClock)
  }

  get(key: string): Promise<Json | undefined> {
    return this.#store.get(key)
  }

  put(key: string, value: Json, options?: { ttlSeconds?: number }): Promise<void> {
    return this.#store.put(key, value, options)
  }

  putIfAbsent(key: string, value: Json, options?: { ttlSeconds?: number }): Promise<boolean> {
    return this.#store.putIfAbsent(key, value, options)
  }

  delete(key: string): Promise<void> {
    return this.#store.delete(key)
  }

  list(
    prefix: string,
    options?: { limit?: number; after?: string; reverse?: boolean },
  ): Promise<readonly StateEntry[]> {
    return this.#store.list(prefix, options)
  }
}

/** The namespace of {@link StateObject} as a binding. */
export type StateNamespace = DurableObjectNamespace<(StateObject & Rpc.DurableObjectBranded) | undefined>

/**
 * A StateStore in the one StateObject of a deployment. Calls arrive there in the order in which they were made. Throws EngineError
 * `state-unavailable` (`retry`) when it cannot be reached.
 */
export function createRemoteStateStore(namespace: StateNamespace): StateStore {
  // The mapped types of RPC do not see that these methods take and return plain data.
  const connect = (): StateStore =>
    namespace.get(namespace.idFromName('state')) as unknown as StateStore & DurableObjectStub
  let stub = connect()
  const call = async <T>(work: (store: StateStore) => Promise<T>): Promise<T> => {
    try {
      return await work(stub)
    } catch (caught) {
      stub = connect() // A stub whose call failed may stay broken.
      const detail = caught instanceof Error ? caught.message : String(caught)
      throw new EngineError(`the state store cannot be used: ${detail}`, {
        code: 'state-unavailable',
        disposition: 'retry',
        cause: caught,
      })
    }
  }
  return {
    get: (key) => call((store) => store.get(key)),
    put: (key, value, options) => call((store) => store.put(key, value, options)),
    putIfAbsent: (key, value, options) => call((store) => store.putIfAbsent(key, value, options)),
    delete: (key) => call((store) => store.delete(key)),
    list: (prefix, options) => call((store) => store.list(prefix, options)),
  }
}
