import { sha256Hex } from '../../src/base/index.ts'
import type { Config } from '../config.ts'
import { cookieName, cookieOf, open, seal } from '../session.ts'

type Keys = Pick<Config, 'reading' | 'triggerTokens'>

/** What a form of an action must bring: an HMAC of the session and the action, which nobody else's page can know. Undefined without a session. */
export async function csrfToken(config: Keys, headers: Headers, action: string): Promise<string | undefined> {
  const purpose = purposeOf(headers, action)
  return purpose === undefined ? undefined : seal(config, purpose, {})
}

/** Whether a form has brought it, for this session and this action. */
export async function hasCsrfToken(config: Keys, headers: Headers, action: string, given: string): Promise<boolean> {
  const purpose = purposeOf(headers, action)
  return purpose !== undefined && (await open(config, purpose, given)) !== undefined
}

function purposeOf(headers: Headers, action: string): string | undefined {
  const session = cookieOf(headers, cookieName)
  return session === undefined || session === '' ? undefined : `action ${action} of ${sha256Hex(session)}`
}
