import { EngineError } from '../../base/index.ts'

/** A signature that is missing or not good enough, with the reason of the condition SourceVerified. It is looked at again, because signatures may come later. */
export function verifyError(code: string, message: string, cause?: unknown): EngineError {
  return new EngineError(message, {
    code,
    reason: 'VerificationError',
    disposition: 'retry',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Why one of several signatures does not count. Whoever holds the others decides what becomes of it. */
export class SignatureProblem extends Error {
  override readonly name = 'SignatureProblem'
}

/** What is wrong with a signature, short enough for a condition; anything else that was thrown by a parser counts as damage. */
export function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return Array.from(message.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' '))
    .slice(0, 300)
    .join('')
}
