import { EngineError } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'

/** Throws EngineError `unauthorized` unless the request carries one of the tokens as `Authorization: Bearer`. */
export async function authorize(headers: Headers, tokens: readonly string[]): Promise<void> {
  const given = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? ''
  if (given !== '' && (await matchesAnySecret(given, tokens))) return
  throw new EngineError('a bearer token is required: Authorization: Bearer <token>', { code: 'unauthorized' })
}
