import { findManifest, listReferrers, readDescriptor, type RegistryClient } from '../../oci/index.ts'
import { problemOf, SignatureProblem, verifyError } from '../errors.ts'
import { verifyLimits } from '../limits.ts'
import { parsePem } from '../pem.ts'
import { readCertificate, type ReadCertificate } from './certificates.ts'
import { judgeSignature, type SignedTarget } from './judge.ts'
import { choosePolicy, type TrustPolicy } from './trust-policy.ts'

const signatureType = 'application/vnd.cncf.notary.signature'

/** What signatures of notation are checked with. */
export interface NotationTrust {
  readonly policies: readonly TrustPolicy[]
  /** Contents of the Secret's certificate files, in PEM or DER. */
  readonly certificates: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What came of it: `ignored` where the policy skips the artifact, or only logs that its signer is not trusted. */
export type NotationResult = 'verified' | 'ignored'

/**
 * Looks for one good signature of a manifest among the first three that refer to it, by the statement of the trust policy for `repository` (`<registry>/<path>`).
 *
 * @throws EngineError `notation-unsigned`, `notation-no-match` and others with reason `VerificationError`; those of the registry.
 */
export async function verifyNotation(
  client: RegistryClient,
  repository: string,
  digest: string,
  trust: NotationTrust,
): Promise<NotationResult> {
  const reference = `${repository}@${digest}`
  const policy = choosePolicy(trust.policies, repository, reference)
  const { level } = policy
  if (level === undefined) return 'ignored'
  const judgement = { policy: { ...policy, level }, trusted: trust.certificates.flatMap(readTrusted), now: trust.now }
  const manifest = await client.manifest(digest)
  const target: SignedTarget = { mediaType: manifest.mediaType, digest, size: manifest.bytes.length }
  const signatures = (await listReferrers(client, digest, signatureType)).filter(
    (one) => one.artifactType === signatureType,
  )
  const problems: string[] = []
  for (const { digest: signature } of signatures.slice(0, verifyLimits.maxNotationSignatures)) {
    try {
      const envelope = await fetchEnvelope(client, signature)
      const failed = await judgeSignature(envelope.bytes, envelope.mediaType, target, judgement)
      return failed.includes('authenticity') ? 'ignored' : 'verified'
    } catch (error) {
      problems.push(`failed to verify signature with digest ${signature}, ${problemOf(error)}`)
    }
  }
  if (problems.length === 0)
    throw verifyError(
      'notation-unsigned',
      `no signature is associated with ${JSON.stringify(reference)}, make sure the artifact was signed successfully`,
    )
  const isCut = signatures.length > verifyLimits.maxNotationSignatures
  const head = isCut
    ? `signature evaluation stopped. The configured limit of ${verifyLimits.maxNotationSignatures} signatures to verify per artifact exceeded`
    : 'signature verification failed'
  throw verifyError('notation-no-match', [head, ...problems].join('\n'))
}

/** Of a PEM file the first block counts, as in source-controller. */
function readTrusted(bytes: Uint8Array): readonly ReadCertificate[] {
  try {
    const [block] = parsePem(new TextDecoder().decode(bytes))
    return [readCertificate(block?.data ?? Uint8Array.from(bytes))]
  } catch (cause) {
    throw verifyError('notation-certificate-invalid', `failed to parse certificate: ${problemOf(cause)}`, cause)
  }
}

async function fetchEnvelope(
  client: RegistryClient,
  digest: string,
): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }> {
  const manifest = await findManifest(client, digest)
  const layers: unknown = manifest?.body['layers']
  if (!Array.isArray(layers) || layers.length !== 1)
    throw new SignatureProblem('signature manifest requires exactly one signature envelope blob')
  const blob = readDescriptor(layers[0])
  if (blob.size > verifyLimits.maxEnvelopeBytes)
    throw new SignatureProblem(`signature blob too large: ${blob.size} bytes, at most ${verifyLimits.maxEnvelopeBytes}`)
  return { bytes: await client.blob(blob, verifyLimits.maxEnvelopeBytes), mediaType: blob.mediaType }
}
