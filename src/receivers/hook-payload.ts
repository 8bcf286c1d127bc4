import { z } from 'zod'
import { utf8Text } from '../base/index.ts'
import { refName } from './payload.ts'
import { refuse } from './refusal.ts'
import type { HookAccess } from './hook-types.ts'

/** The token of a Receiver's Secret. Throws EngineError `delivery-refused` where it is empty: an empty key signs nothing. */
export function tokenOf(access: HookAccess): Uint8Array {
  const token = access.secret['token']
  if (token === undefined || token.length === 0) throw refuse("the Secret of the Receiver has no 'token'")
  return token
}

/** A body as JSON of a shape. Throws EngineError `delivery-refused`. */
export function bodyAs<T>(schema: z.ZodType<T>, body: Uint8Array, sender: string): T {
  const result = schema.safeParse(jsonOf(body))
  if (result.success) return result.data
  throw refuse(`the body is no payload of ${sender}`)
}

/** A body as JSON; undefined where it is none. */
export function jsonOf(body: Uint8Array): unknown {
  const text = utf8Text(body)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

const pushRef = z.object({ ref: refName })
const changedRef = z.object({ changes: z.array(z.object({ ref: z.object({ id: refName }) })).min(1) })

/** The ref that a push is about, where a body says so: for the record of the delivery. */
export function refIn(text: string): { readonly ref?: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return {}
  }
  const push = pushRef.safeParse(json)
  if (push.success) return { ref: push.data.ref }
  const changes = changedRef.safeParse(json)
  const ref = changes.success ? changes.data.changes[0]?.ref.id : undefined
  return ref === undefined ? {} : { ref }
}
