import { dsse } from '@sigstore/core'
import type { RegistryClient } from '../../oci/index.ts'
import { problemOf, SignatureProblem, verifyError } from '../errors.ts'
import { verifyLimits } from '../limits.ts'
import { parsePublicKey, type PublicKey } from '../public-key.ts'
import { compileIdentities, type IdentityMatch } from './identity.ts'
import { checkEnvelope, createKeylessVerifier, readBundle } from './keyless.ts'
import { listCosignSignatures, type CosignSignature } from './signatures.ts'
import { checkSimpleSigning } from './statement.ts'

/** What signatures of cosign are checked with. */
export type CosignTrust =
  /** Public keys in PEM form; a signature by any of them is enough. The transparency log is not looked at, as in source-controller. */
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  /** Certificates of Fulcio: the JSON of a trusted root, and who may sign. */
  | { readonly kind: 'keyless'; readonly trustedRoot: string; readonly identities: readonly IdentityMatch[] }

/** Judges one signature. */
export type CosignCheck = (signature: CosignSignature, digest: string) => Promise<void>

/**
 * Makes a check from keys or a trusted root. The check returns for a good signature and throws for others.
 *
 * @throws EngineError reason `VerificationError` for a key, root or expression that cannot be used.
 */
export async function createCosignCheck(trust: CosignTrust): Promise<CosignCheck> {
  if (trust.kind === 'keyless') {
    const { trustedRoot, identities } = trust
    if (trustedRoot.length > verifyLimits.maxTrustBytes)
      throw verifyError('trusted-root-invalid', `the trusted root has more than ${verifyLimits.maxTrustBytes} bytes`)
    const verifier = createKeylessVerifier(trustedRoot, compileIdentities(identities))
    return async (signature, digest) => verifier.verify(signature, digest)
  }
  const keys = await Promise.all(
    trust.keys.map((pem) =>
      parsePublicKey(pem.slice(0, verifyLimits.maxTrustBytes)).catch((cause: unknown) => {
        throw verifyError('cosign-key-invalid', problemOf(cause), cause)
      }),
    ),
  )
  return (signature, digest) => checkWithKeys(keys, signature, digest)
}

/**
 * Looks for one good signature of the manifest with this digest: Sigstore bundles that refer to it (cosign 3), and signatures under the tag `sha256-<hex>.sig` (cosign 1 and 2). source-controller
 * 1.9 looks at the second only where there are none of the first; here one good signature of either form is enough.
 *
 * @throws EngineError `cosign-unsigned` or `cosign-no-match` with reason `VerificationError`; those of the registry.
 */
export async function verifyCosign(client: RegistryClient, digest: string, check: CosignCheck): Promise<void> {
  const problems: string[] = []
  for await (const signature of listCosignSignatures(client, digest)) {
    try {
      if (signature instanceof SignatureProblem) throw signature
      await check(signature, digest)
      return
    } catch (error) {
      problems.push(problemOf(error))
    }
  }
  if (problems.length === 0) throw verifyError('cosign-unsigned', 'no signatures found')
  throw verifyError('cosign-no-match', `no matching signatures: ${[...new Set(problems)].slice(0, 5).join('\n ')}`)
}

async function checkWithKeys(keys: readonly PublicKey[], signature: CosignSignature, digest: string): Promise<void> {
  if (signature.kind === 'simple') {
    await checkAny(keys, signature.payload, signature.signature)
    checkSimpleSigning(signature.payload, digest)
    return
  }
  const bundle = readBundle(signature.json)
  checkEnvelope(bundle, digest)
  if (bundle.content.$case !== 'dsseEnvelope') return
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope
  await checkAny(keys, dsse.preAuthEncoding(payloadType, payload), signatures[0]?.sig ?? new Uint8Array())
}

async function checkAny(keys: readonly PublicKey[], message: Uint8Array, signature: Uint8Array): Promise<void> {
  for (const key of keys) {
    if (await key.verify(message, signature)) return
    // cosign 3 signs with the hash that fits a larger curve, and with the pre-hashed form of Ed25519, which neither its own check nor source-controller takes.
    if (key.type === 'ecdsa' && key.bits > 256) {
      const hash = key.bits === 384 ? 'SHA-384' : 'SHA-512'
      if (await key.verify(message, signature, { hash })) return
    }
    if (key.type === 'ed25519' && (await key.verify(message, signature, { form: 'ph' }))) return
  }
  throw new SignatureProblem('the signature was not made with any of the public keys')
}
