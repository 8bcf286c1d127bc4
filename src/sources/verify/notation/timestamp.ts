import { ContentInfo, id_ContentType_SignedData, id_eContentType_TSTInfo, SignedData, TSTInfo } from 'pkijs'
import { problemOf, SignatureProblem } from '../errors.ts'
import { verifyLimits } from '../limits.ts'
import { checkTimestampChain, isIssuedBy, readCertificate, type ReadCertificate } from './certificates.ts'

/** What an authority vouches for: the signature was there between these times (milliseconds since 1970). */
export interface VerifiedTimestamp {
  readonly earliest: number
  readonly latest: number
  readonly chain: readonly ReadCertificate[]
}

const strongHashes: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
])

/**
 * Verifies a time stamp token (RFC 3161) over `signature` against trusted roots: the authority's signature, its chain at that time, and that it is one for time stamps.
 *
 * @throws SignatureProblem.
 */
export async function verifyTimestamp(
  token: Uint8Array<ArrayBuffer>,
  signature: Uint8Array,
  trusted: readonly ReadCertificate[],
): Promise<VerifiedTimestamp> {
  const { data, info } = readToken(token)
  if (!strongHashes.has(info.messageImprint.hashAlgorithm.algorithmId))
    throw new SignatureProblem('failed to get timestamp from timestamp countersignature: it is over a weak hash')
  const outcome = await data
    .verify({ signer: 0, data: Uint8Array.from(signature).buffer, extendedMode: true, checkChain: false })
    .catch((error: unknown) => {
      throw new SignatureProblem(`failed to verify the timestamp countersignature with error: ${problemOf(error)}`)
    })
  const signer = outcome.signerCertificate
  if (outcome.signatureVerified !== true || signer === null || signer === undefined)
    throw new SignatureProblem('failed to verify the timestamp countersignature: it is over something else')
  const included = (data.certificates ?? [])
    .slice(0, verifyLimits.maxChain)
    .map((one) => readCertificate(new Uint8Array(one.toSchema().toBER())))
  const time = info.genTime.getTime()
  const chain = await buildChain(readCertificate(new Uint8Array(signer.toSchema().toBER())), included, trusted)
  checkTimestampChain(chain)
  for (const one of chain) {
    if (time < one.notBefore || time > one.notAfter)
      throw new SignatureProblem(`certificate ${one.subject} of the time stamp was not valid at its time`)
  }
  const { seconds = 0, millis = 0, micros = 0 } = info.accuracy ?? {}
  const accuracy = seconds * 1000 + millis + micros / 1000
  return { earliest: time - accuracy, latest: time + accuracy, chain }
}

function readToken(token: Uint8Array<ArrayBuffer>): { readonly data: SignedData; readonly info: TSTInfo } {
  try {
    const content = ContentInfo.fromBER(token)
    if (content.contentType !== id_ContentType_SignedData) throw new SignatureProblem('it is no signed data')
    const data = new SignedData({ schema: content.content })
    const { eContentType, eContent } = data.encapContentInfo
    if (eContentType !== id_eContentType_TSTInfo || eContent === undefined)
      throw new SignatureProblem('it is no time stamp')
    return { data, info: TSTInfo.fromBER(eContent.getValue()) }
  } catch (error) {
    throw new SignatureProblem(`failed to parse timestamp countersignature with error: ${problemOf(error)}`)
  }
}

/** From a certificate over those that came along to a trusted one. */
async function buildChain(
  leaf: ReadCertificate,
  included: readonly ReadCertificate[],
  trusted: readonly ReadCertificate[],
): Promise<readonly ReadCertificate[]> {
  const chain = [leaf]
  const isTrusted = (one: ReadCertificate): boolean => trusted.some((root) => isSame(root, one))
  for (let last = leaf; !isTrusted(last) && chain.length < verifyLimits.maxChain;) {
    const issuer = await firstAsync(
      [...trusted, ...included],
      async (one) => !isSame(one, last) && isIssuedBy(last, one),
    )
    if (issuer === undefined) break
    chain.push(issuer)
    last = issuer
  }
  const last = chain.at(-1)
  if (last !== undefined && isTrusted(last)) return chain
  throw new SignatureProblem(
    'failed to verify the timestamp countersignature with error: certificate signed by unknown authority',
  )
}

async function firstAsync<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await test(item)) return item
  return undefined
}

function isSame(a: ReadCertificate, b: ReadCertificate): boolean {
  return a.der.length === b.der.length && a.der.every((byte, i) => byte === b.der[i])
}
