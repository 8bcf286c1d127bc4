import { bundleFromJSON, ValidationError, type Bundle } from '@sigstore/bundle'
import { HashAlgorithm, TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier, type TrustMaterial } from '@sigstore/verify'
import { sha256 } from '@noble/hashes/sha2.js'
import { SignatureProblem, verifyError } from '../errors.ts'
import { fromBase64, parsePem } from '../pem.ts'
import { readIdentity } from './certificate.ts'
import type { IdentityCheck } from './identity.ts'
import { nameDefaultHash } from './runtime-crypto.ts'
import type { CosignSignature, SimpleSignature } from './signatures.ts'
import { checkSimpleSigning, checkStatement } from './statement.ts'

/** Judges signatures with certificates against one trusted root. */
export interface KeylessVerifier {
  /** Returns for a good signature. @throws SignatureProblem, or an error of the library, for others. */
  verify(signature: CosignSignature, digest: string): void
}

/**
 * Makes a verifier from the JSON of a trusted root (`trusted_root.json`: Sigstore's certificate authorities, logs and time stamp authorities). Nothing is asked over the network: a
 * signature brings its entry of the transparency log along, with a promise (SET) or proof of inclusion, and its certificate the one of the certificate log (SCT).
 *
 * @throws EngineError reason `VerificationError` for a root that cannot be used.
 */
export function createKeylessVerifier(trustedRoot: string, checkIdentity: IdentityCheck): KeylessVerifier {
  nameDefaultHash()
  const material = readTrustedRoot(trustedRoot)
  const verifier = new Verifier(material, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 })
  return {
    verify: (signature, digest) => {
      const bundle = signature.kind === 'bundle' ? readBundle(signature.json) : bundleOf(signature)
      const certificate = certificateOf(bundle)
      const payload = signature.kind === 'simple' ? Buffer.from(signature.payload) : undefined
      verifier.verify(toSignedEntity(bundle, payload))
      checkIdentity(readIdentity(certificate))
      if (signature.kind === 'simple') checkSimpleSigning(signature.payload, digest)
      else checkEnvelope(bundle, digest)
    },
  }
}

/**
 * A Sigstore bundle from its JSON, of the versions that cosign stores beside images (0.3 and later).
 *
 * @throws SignatureProblem, or an error of the library.
 */
export function readBundle(json: unknown): Bundle {
  let bundle: Bundle
  try {
    bundle = bundleFromJSON(json)
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    throw new SignatureProblem(`invalid bundle: ${error.fields.join(', ')}`)
  }
  if (/version=0\.[12]$/.test(bundle.mediaType)) throw new SignatureProblem('bundle version too old')
  return bundle
}

/** Checks what the envelope of a bundle says. @throws SignatureProblem where it is no envelope with one signature about this digest. */
export function checkEnvelope(bundle: Bundle, digest: string): void {
  if (bundle.content.$case !== 'dsseEnvelope') throw new SignatureProblem('bundle does not contain a DSSE envelope')
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope
  if (signatures.length !== 1) throw new SignatureProblem('the DSSE envelope does not have exactly one signature')
  checkStatement(payloadType, payload, digest)
}

function readTrustedRoot(text: string): TrustMaterial {
  let material: TrustMaterial
  try {
    material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)))
  } catch (cause) {
    throw verifyError('trusted-root-invalid', `unable to parse trusted root: ${textOf(cause)}`, cause)
  }
  const hasLog = material.tlogs.length > 0
  if (hasLog && material.tlogs.some((log) => log.baseURL !== '')) return material
  throw verifyError(
    'trusted-root-invalid',
    `unable to extract Rekor URL from trusted root: no transparency log ${hasLog ? 'entry with a BaseURL' : 'entries'} found in trusted root`,
  )
}

function certificateOf(bundle: Bundle): Uint8Array<ArrayBuffer> {
  const { content } = bundle.verificationMaterial
  if (content.$case === 'certificate') return Uint8Array.from(content.certificate.rawBytes)
  if (content.$case === 'x509CertificateChain') {
    const [leaf] = content.x509CertificateChain.certificates
    if (leaf !== undefined) return Uint8Array.from(leaf.rawBytes)
  }
  throw new SignatureProblem('no certificate found on signature')
}

/** A signature in the older form as a bundle, which is the form that the library knows. */
function bundleOf(signature: SimpleSignature): Bundle {
  const [leaf] = parsePem(signature.certificate ?? '')
  if (leaf?.label !== 'CERTIFICATE') throw new SignatureProblem('no certificate found on signature')
  if (signature.rekorBundle === undefined)
    throw new SignatureProblem('the signature has no entry of a transparency log; it is not looked up there')
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    content: {
      $case: 'messageSignature',
      messageSignature: {
        messageDigest: { algorithm: HashAlgorithm.SHA2_256, digest: Buffer.from(sha256(signature.payload)) },
        signature: Buffer.from(signature.signature),
      },
    },
    verificationMaterial: {
      content: {
        $case: 'x509CertificateChain',
        x509CertificateChain: { certificates: [{ rawBytes: Buffer.from(leaf.data) }] },
      },
      tlogEntries: [logEntryOf(signature.rekorBundle)],
      timestampVerificationData: undefined,
    },
  }
}

/** The entry of the log as cosign writes it into `dev.sigstore.cosign/bundle`. */
function logEntryOf(json: string): Bundle['verificationMaterial']['tlogEntries'][number] {
  const found = JSON.parse(json) as {
    readonly SignedEntryTimestamp?: unknown
    readonly Payload?: {
      readonly body?: unknown
      readonly integratedTime?: unknown
      readonly logIndex?: unknown
      readonly logID?: unknown
    }
  } | null
  const { body, integratedTime, logIndex, logID } = found?.Payload ?? {}
  const timestamp = found?.SignedEntryTimestamp
  const canonical = typeof body === 'string' ? fromBase64(body) : undefined
  const promise = typeof timestamp === 'string' ? fromBase64(timestamp) : undefined
  const isRead =
    canonical !== undefined &&
    promise !== undefined &&
    Number.isSafeInteger(integratedTime) &&
    Number.isSafeInteger(logIndex) &&
    typeof logID === 'string' &&
    /^[0-9a-f]{64}$/.test(logID)
  if (!isRead) throw new SignatureProblem('the entry of the transparency log cannot be read')
  const { kind, apiVersion } = JSON.parse(new TextDecoder().decode(canonical)) as {
    readonly kind?: unknown
    readonly apiVersion?: unknown
  }
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex') },
    kindVersion: { kind: String(kind), version: String(apiVersion) },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(promise) },
    inclusionProof: undefined,
    canonicalizedBody: Buffer.from(canonical),
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
