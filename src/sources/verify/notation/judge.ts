import { SignatureProblem } from '../errors.ts'
import type { SignatureHash } from '../public-key.ts'
import {
  checkCodeSigningChain,
  isRevocable,
  keyOf,
  readChain,
  subjectName,
  type ReadCertificate,
} from './certificates.ts'
import { parseCose } from './cose.ts'
import { isSubsetName, parseDistinguishedName } from './distinguished-name.ts'
import type { NotationAlgorithm, NotationEnvelope } from './envelope.ts'
import { parseJws } from './jws.ts'
import { verifyTimestamp } from './timestamp.ts'
import type { TrustPolicy, ValidationType, VerificationLevel } from './trust-policy.ts'

/** The manifest that a signature must be about. */
export interface SignedTarget {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** What signatures are judged by. */
export interface NotationJudgement {
  readonly policy: TrustPolicy & { readonly level: VerificationLevel }
  /** Every store of the policy holds these. */
  readonly trusted: readonly ReadCertificate[]
  /** Milliseconds since 1970. */
  readonly now: number
}

const payloadType = 'application/vnd.cncf.notary.payload.v1+json'

const verificationPlugin = 'io.cncf.notary.verificationPlugin'

/** Key and hash that an algorithm goes with. */
const keys: {
  readonly [algorithm in NotationAlgorithm]: { type: 'rsa' | 'ecdsa'; bits: number; hash: SignatureHash }
} = Object.freeze({
  PS256: { type: 'rsa', bits: 2048, hash: 'SHA-256' },
  PS384: { type: 'rsa', bits: 3072, hash: 'SHA-384' },
  PS512: { type: 'rsa', bits: 4096, hash: 'SHA-512' },
  ES256: { type: 'ecdsa', bits: 256, hash: 'SHA-256' },
  ES384: { type: 'ecdsa', bits: 384, hash: 'SHA-384' },
  ES512: { type: 'ecdsa', bits: 521, hash: 'SHA-512' },
})

/**
 * Judges one signature of the Notary Project as notation-go 1.3 does (verifier.processSignature): integrity, authenticity, expiry, authentic time stamp, revocation, each enforced or only logged by
 * the level of the policy; then that it is about `target`. Returns the kinds of checks that failed without consequence.
 *
 * Revocation is not asked for over the network: a certificate that names a place to ask counts as one of unknown state.
 *
 * @throws SignatureProblem for a signature that does not count.
 */
export async function judgeSignature(
  bytes: Uint8Array,
  mediaType: string,
  target: SignedTarget,
  judgement: NotationJudgement,
): Promise<readonly ValidationType[]> {
  const envelope = parseEnvelope(bytes, mediaType)
  const chain = readChain(envelope.chain)
  await checkIntegrity(envelope, chain)
  const failed: ValidationType[] = []
  const check = async (type: ValidationType, work: () => void | Promise<void>): Promise<void> => {
    const action = judgement.policy.level[type]
    if (action === 'skip') return
    try {
      await work()
    } catch (error) {
      if (!(error instanceof SignatureProblem) || action === 'enforce') throw error
      failed.push(type)
    }
  }
  await check('authenticity', () => checkAuthenticity(envelope, chain, judgement))
  await check('expiry', () => checkExpiry(envelope, judgement.now))
  await check('authenticTimestamp', () => checkTime(envelope, chain, judgement))
  await check('revocation', () => checkRevocation(chain))
  checkTarget(envelope, target)
  return failed
}

function parseEnvelope(bytes: Uint8Array, mediaType: string): NotationEnvelope {
  if (mediaType === 'application/jose+json') return parseJws(bytes)
  if (mediaType === 'application/cose') return parseCose(bytes)
  throw new SignatureProblem(
    `unable to parse the digital signature, error : signature envelope format with media type ${JSON.stringify(mediaType.slice(0, 100))} is not supported`,
  )
}

async function checkIntegrity(envelope: NotationEnvelope, chain: readonly ReadCertificate[]): Promise<void> {
  const [leaf] = chain
  if (leaf === undefined) throw new SignatureProblem('certificate chain is not present')
  const wanted = keys[envelope.algorithm]
  const key = await keyOf(leaf).catch((error: unknown) => {
    throw new SignatureProblem(error instanceof Error ? error.message : 'the key of the certificate is not supported')
  })
  if (key.type !== wanted.type || key.bits !== wanted.bits)
    throw new SignatureProblem(
      `mismatch between signature algorithm derived from signing certificate and signing algorithm specified (${envelope.algorithm})`,
    )
  const form = wanted.type === 'rsa' ? 'pss' : 'raw'
  if (!(await key.verify(envelope.signedBytes, envelope.signature, { hash: wanted.hash, form })))
    throw new SignatureProblem('signature is invalid')
  if (envelope.expiry !== undefined && envelope.expiry <= envelope.signingTime)
    throw new SignatureProblem('expiry cannot be equal or before the signing time')
  await checkCodeSigningChain(chain)
  if (envelope.contentType !== payloadType)
    throw new SignatureProblem(`payload content type ${JSON.stringify(envelope.contentType)} not supported`)
  const [attribute] = envelope.criticalAttributes
  if (envelope.criticalAttributes.includes(verificationPlugin))
    throw new SignatureProblem('the signature needs a verification plugin; plugins are not supported')
  if (attribute !== undefined)
    throw new SignatureProblem(
      `the signature has the critical attribute ${JSON.stringify(attribute)}, which is unknown`,
    )
}

function checkAuthenticity(
  envelope: NotationEnvelope,
  chain: readonly ReadCertificate[],
  { policy, trusted }: NotationJudgement,
): void {
  const type = envelope.scheme === 'notary.x509' ? 'ca:' : 'signingAuthority:'
  const roots = policy.trustStores.some((store) => store.startsWith(type)) ? trusted : []
  if (roots.length === 0) throw new SignatureProblem('no trusted certificates are found to verify authenticity')
  const isKnown = chain.some((one) => roots.some((root) => isSameBytes(root.der, one.der)))
  if (!isKnown) throw new SignatureProblem('the signature is not produced by a trusted signer')
  const { trustedIdentities } = policy
  const [leaf] = chain
  if (trustedIdentities.includes('*') || leaf === undefined) return
  const wanted = trustedIdentities.filter((identity) => identity.startsWith('x509.subject:'))
  if (wanted.length === 0)
    throw new SignatureProblem(
      `no x509 trusted identities are configured in the trust policy ${JSON.stringify(policy.name)}`,
    )
  const name = subjectName(leaf)
  const isWanted = wanted.some((identity) =>
    isSubsetName(parseDistinguishedName(identity.slice('x509.subject:'.length)), name),
  )
  if (!isWanted)
    throw new SignatureProblem(
      `signing certificate from the digital signature does not match the X.509 trusted identities ${JSON.stringify(wanted)} defined in the trust policy ${JSON.stringify(policy.name)}`,
    )
}

function checkExpiry({ expiry }: NotationEnvelope, now: number): void {
  if (expiry !== undefined && now >= expiry)
    throw new SignatureProblem(`digital signature has expired on ${printTime(expiry)}`)
}

async function checkTime(
  envelope: NotationEnvelope,
  chain: readonly ReadCertificate[],
  { policy, trusted, now }: NotationJudgement,
): Promise<void> {
  if (envelope.scheme === 'notary.x509.signingAuthority') {
    const at = envelope.signingTime
    const outside = chain.find((one) => at < one.notBefore || at > one.notAfter)
    if (outside === undefined) return
    throw new SignatureProblem(
      `certificate ${outside.subject} was not valid when the digital signature was produced at ${printTime(at)}`,
    )
  }
  const hasAuthority = policy.trustStores.some((store) => store.startsWith('tsa:'))
  const isExpired = chain.some((one) => now > one.notAfter)
  if (!hasAuthority || (policy.verifyTimestamp === 'afterCertExpiry' && !isExpired)) {
    checkValidNow(chain, now)
    return
  }
  if (envelope.timestamp === undefined)
    throw new SignatureProblem('no timestamp countersignature was found in the signature envelope')
  const stamp = await verifyTimestamp(envelope.timestamp, envelope.signature, trusted)
  for (const one of chain) {
    if (stamp.earliest < one.notBefore)
      throw new SignatureProblem(
        `timestamp can be before certificate ${one.subject} validity period, it will be valid from ${printTime(one.notBefore)}`,
      )
    if (stamp.latest > one.notAfter)
      throw new SignatureProblem(
        `timestamp can be after certificate ${one.subject} validity period, it was expired at ${printTime(one.notAfter)}`,
      )
  }
  const revocable = stamp.chain.find(isRevocable)
  if (revocable !== undefined)
    throw new SignatureProblem(
      `timestamping certificate with subject ${revocable.subject} revocation status is unknown: it is not asked for over the network`,
    )
}

function checkValidNow(chain: readonly ReadCertificate[], now: number): void {
  for (const one of chain) {
    if (now < one.notBefore)
      throw new SignatureProblem(
        `verification time is before certificate ${one.subject} validity period, it will be valid from ${printTime(one.notBefore)}`,
      )
    if (now > one.notAfter)
      throw new SignatureProblem(
        `verification time is after certificate ${one.subject} validity period, it was expired at ${printTime(one.notAfter)}`,
      )
  }
}

function checkRevocation(chain: readonly ReadCertificate[]): void {
  const revocable = chain.find(isRevocable)
  if (revocable === undefined) return
  throw new SignatureProblem(
    `signing certificate with subject ${revocable.subject} revocation status is unknown: it is not asked for over the network; set "override": {"revocation": "log"} in the trust policy to accept that`,
  )
}

/** The payload names one manifest, by type, digest and size. */
function checkTarget({ payload }: NotationEnvelope, target: SignedTarget): void {
  let artifact: { readonly [field: string]: unknown } | null | undefined
  try {
    const body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as {
      readonly targetArtifact?: { readonly [field: string]: unknown } | null
    } | null
    artifact = body?.targetArtifact
  } catch {
    throw new SignatureProblem('the signed payload is not JSON')
  }
  const isMeant =
    artifact?.['mediaType'] === target.mediaType &&
    artifact['digest'] === target.digest &&
    artifact['size'] === target.size
  if (!isMeant) throw new SignatureProblem('content descriptor mismatch')
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function printTime(ms: number): string {
  return JSON.stringify(new Date(ms).toUTCString())
}
