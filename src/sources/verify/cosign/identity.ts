import { RE2JS } from 're2js'
import { SignatureProblem, verifyError } from '../errors.ts'

/** One of `spec.verify.matchOIDCIdentity`: regular expressions in Go's syntax, found anywhere in the text. An empty one fits everything. */
export interface IdentityMatch {
  readonly issuer: string
  readonly subject: string
}

/** Who signed, as the certificate says. */
export interface SignerIdentity {
  readonly issuer: string
  /** All of the certificate's alternative names. */
  readonly subjects: readonly string[]
}

/** Decides whether a signer is one of those that are wanted. */
export type IdentityCheck = (identity: SignerIdentity) => void

/**
 * Compiles identities into a check, which throws SignatureProblem for a signer that fits none of them. Without any identity everybody whom the trusted root vouches for fits, as in source-controller.
 *
 * @throws EngineError reason `VerificationError` for an expression that cannot be read.
 */
export function compileIdentities(identities: readonly IdentityMatch[]): IdentityCheck {
  const compiled = identities.map(({ issuer, subject }) => ({
    issuer: compile(issuer, 'issuer'),
    subject: compile(subject, 'subject'),
  }))
  return ({ issuer, subjects }) => {
    const isWanted = compiled.some(
      (one) =>
        (one.issuer?.matcher(issuer).find() ?? true) &&
        (one.subject === undefined || subjects.some((text) => one.subject?.matcher(text).find())),
    )
    if (isWanted || compiled.length === 0) return
    throw new SignatureProblem(
      `none of the expected identities matched what was in the certificate, got subjects [${subjects.join(', ')}] with issuer ${issuer}`,
    )
  }
}

function compile(expression: string, field: 'issuer' | 'subject'): RE2JS | undefined {
  if (expression === '') return undefined
  try {
    return RE2JS.compile(expression)
  } catch (cause) {
    throw verifyError('cosign-identity-invalid', `malformed ${field} in identity: ${expression.slice(0, 200)}`, cause)
  }
}
