import { SignatureProblem } from '../errors.ts'

/** `payloadType` of an in-toto statement in a DSSE envelope. */
const inTotoType = 'application/vnd.in-toto+json'

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Checks that the signed payload of an envelope is an in-toto statement about the manifest with this digest (cosign 3 signs images that way). The predicate is not looked at: as in cosign an attestation
 * counts as a signature.
 *
 * @throws SignatureProblem.
 */
export function checkStatement(payloadType: string, payload: Uint8Array, digest: string): void {
  if (payloadType !== inTotoType) throw new SignatureProblem(`the payload type '${payloadType}' is not ${inTotoType}`)
  const statement = parseJson(payload) as { readonly _type?: unknown; readonly subject?: unknown } | null
  if (typeof statement?._type !== 'string' || !statement._type.startsWith('https://in-toto.io/Statement/'))
    throw new SignatureProblem('the payload is no in-toto statement')
  const { subject } = statement
  const hex = digest.slice('sha256:'.length)
  const isMeant = (Array.isArray(subject) ? (subject as readonly unknown[]) : []).some((one) => {
    const digests = (one as { readonly digest?: unknown } | null)?.digest
    return typeof digests === 'object' && digests !== null && (digests as { sha256?: unknown }).sha256 === hex
  })
  if (!isMeant) throw new SignatureProblem(`the statement is about another artifact than ${digest}`)
}

/**
 * Checks that a payload in the simple signing form (containers/image, signatures of cosign 1 and 2) is about the manifest with this digest. source-controller leaves this out; without it a signature
 * of one image could be put beside another.
 *
 * @throws SignatureProblem.
 */
export function checkSimpleSigning(payload: Uint8Array, digest: string): void {
  const body = parseJson(payload) as { readonly critical?: unknown } | null
  const critical = body?.critical as { readonly type?: unknown; readonly image?: unknown } | null | undefined
  // cosign has also signed with the name of the format that it took over.
  if (critical?.type !== 'cosign container image signature' && critical?.type !== 'atomic container signature')
    throw new SignatureProblem('the payload is no signature of a container image')
  const image = critical.image as { readonly ['docker-manifest-digest']?: unknown } | null | undefined
  if (image?.['docker-manifest-digest'] !== digest)
    throw new SignatureProblem(`the signature is for another artifact than ${digest}`)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    throw new SignatureProblem('the signed payload is not JSON')
  }
}
