import { EngineError } from '../base/index.ts'
import type { Clock, Logger, Random, StateStore } from '../ports/index.ts'
import { planKeys, type KeyPolicy } from './key-plan.ts'
import { openKeys, sealKeys, type StoredKey } from './sealed-keys.ts'
import { importSigningKey, makePrivateJwk, type PublicJwk, type SigningKey } from './signing-key.ts'

/** The keys at a moment. */
export interface KeySet {
  readonly signWith: SigningKey
  readonly published: readonly PublicJwk[]
}

/** Where the keys of an issuer come from. */
export interface KeySource {
  /** The keys, read from the store at most `withinMs` ago (0: now); left out, as long ago as the source finds right. */
  readonly current: (options?: { readonly withinMs?: number }) => Promise<KeySet>
}

/** Keys that were read, in the memory of one process or isolate. May be lost at any time. */
export interface KeyMemory {
  read?: { readonly keys: readonly SigningKey[]; readonly at: number }
}

/** What a store of keys works with. */
export interface KeyStoreDeps {
  /** Shared by all processes of the deployment. */
  readonly state: StateStore
  /** The first seals, all of them open: several while one is replaced. */
  readonly secrets: readonly string[]
  readonly policy: KeyPolicy
  readonly memory: KeyMemory
  /** For how long keys that were read are used without asking again. Below `publishAheadMs`, or a key would sign late. */
  readonly rereadMs: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

const prefix = 'issuer/keys/'
const maxAttempts = 5

/**
 * Keys in the state store, made and rotated when they are asked for. Each change is a new generation, written only where nobody else has written that one: of many processes that find a rotation due,
 * one makes the key and the others read it. A store that was lost, or that no secret opens, gives new keys.
 *
 * @throws (current) EngineError `issuer-keys-contended` (`retry`), and what the store throws.
 */
export function createKeyStore(deps: KeyStoreDeps): KeySource {
  const { clock, memory, policy, rereadMs } = deps
  return {
    current: async ({ withinMs = rereadMs } = {}) => {
      const known = memory.read
      const now = clock.now()
      if (known !== undefined && now >= known.at && now - known.at < withinMs) {
        const plan = planKeys(known.keys, policy, now)
        if (plan.make === undefined) return keySet(known.keys, plan)
      }
      const keys = await rotate(deps)
      memory.read = { keys, at: now }
      return keySet(keys, planKeys(keys, policy, clock.now()))
    },
  }
}

function keySet(keys: readonly SigningKey[], plan: ReturnType<typeof planKeys>): KeySet {
  const signWith = keys.find(({ kid }) => kid === plan.signWith)
  if (signWith === undefined) throw contended()
  return { signWith, published: keys.filter(({ kid }) => plan.publish.includes(kid)).map(({ jwk }) => jwk) }
}

/** Reads the newest generation, and writes the next until nothing is left to do. */
async function rotate(deps: KeyStoreDeps): Promise<readonly SigningKey[]> {
  const { state, secrets, random, policy, clock, logger } = deps
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const [newest] = await state.list(prefix, { reverse: true, limit: 1 })
    const stored = newest === undefined ? [] : await openKeys(newest.value, { secrets, place: newest.key })
    if (stored === undefined)
      logger.log('error', 'the keys of the issuer cannot be opened with ISSUER_KEY; new ones are made')
    const entries = await Promise.all(
      (stored ?? []).map(async (key) => ({ key, signing: await importSigningKey(key.jwk, key) })),
    )
    const keys = entries.map(({ signing }) => signing)
    const now = clock.now()
    const plan = planKeys(keys, policy, now)
    const kept = entries.filter(({ signing }) => plan.publish.includes(signing.kid)).map(({ key }) => key)
    if (plan.make === undefined && kept.length === entries.length) return keys
    const made: StoredKey[] =
      plan.make === undefined ? [] : [{ jwk: await makePrivateJwk(), createdAt: now, useFrom: plan.make.useFrom }]
    const generation = Number(newest?.key.slice(prefix.length) ?? 0) + 1
    const place = `${prefix}${String(generation).padStart(12, '0')}`
    const sealed = await sealKeys([...kept, ...made], { secret: secrets[0] ?? '', place, random })
    // Whoever was faster has done the same; what is there now is read again in any case.
    if (!(await state.putIfAbsent(place, sealed))) continue
    if (made.length > 0) logger.log('info', 'the issuer has a new key', { generation, keys: kept.length + 1 })
    for (const { key } of await state.list(prefix, { limit: 100 })) if (key < place) await state.delete(key)
  }
  throw contended()
}

function contended(): EngineError {
  return new EngineError('the keys of the issuer are being changed by others all the time; try again', {
    code: 'issuer-keys-contended',
    disposition: 'retry',
  })
}
