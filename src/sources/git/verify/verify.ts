import type { EngineErrorOptions } from '../../../base/index.ts'
import { gitError } from '../errors.ts'
import type { GitObject } from '../object-id.ts'
import { parseTag } from '../objects.ts'
import { verifyPgpSignature } from './pgp-signature.ts'
import type { SignedPayload } from './signed-object.ts'
import { splitSignedCommit, splitSignedTag } from './signed-object.ts'
import { verifySshSignature } from './ssh-signature.ts'

/** `spec.verify` of a GitRepository with the data of its Secret. */
export interface GitVerification {
  /** Default `HEAD`. */
  readonly mode?: string
  /** Values of the Secret by key: `*.sshpub` are SSH keys in `authorized_keys` form, all others armored PGP keys. */
  readonly keys: { readonly [name: string]: string }
}

/** What to verify: the commit, and the tag that it was reached by. */
export interface VerifiedRevision {
  readonly commitId: string
  readonly commit: GitObject
  /** Name of the tag that `spec.ref` chose; `object` is missing for a tag that is no object of its own. */
  readonly tag?: { readonly name: string; readonly id: string; readonly object?: GitObject }
}

/**
 * Verifies signatures as source-controller does (verifySignature): `HEAD` the commit's, `Tag` the tag's, `TagAndHEAD` both. Beyond Flux the tag object must point to the commit and carry the name that it is published under, so that an
 * old signed tag cannot be passed off as a new one. Returns the message of the condition SourceVerified.
 *
 * Throws EngineError `git-verification` with the reason of that condition: InvalidVerificationMode (stalled), InvalidGitObject, InvalidTagSignature, InvalidCommitSignature.
 */
export async function verifyRevision(
  verification: GitVerification,
  revision: VerifiedRevision,
  now: number,
): Promise<string> {
  const { mode = 'HEAD' } = verification
  const lines: string[] = []
  if (mode === 'Tag' || mode === 'TagAndHEAD') lines.push(await verifyTag(verification, revision, now))
  if (mode !== 'Tag') {
    const { commitId, commit } = revision
    const signer = await verifySigned(verification, splitSignedCommit(commit.data), now)
    if (!signer.isValid) {
      throw failed(
        `signature verification of commit '${commitId}' failed: unable to verify Git commit: ${signer.why}`,
        'InvalidCommitSignature',
      )
    }
    lines.push(`commit '${commitId}' with key '${signer.key}'`)
  }
  return `verified signature of\n${lines.map((line) => `\t- ${line}`).join('\n')}`
}

async function verifyTag(verification: GitVerification, revision: VerifiedRevision, now: number): Promise<string> {
  const { tag, commitId } = revision
  if (tag === undefined) {
    throw failed(
      "cannot verify tag object's signature if a tag reference is not specified",
      'InvalidVerificationMode',
      'stall',
    )
  }
  const shown = `${tag.name}@${tag.id}`
  const signed = tag.object?.type === 'tag' ? splitSignedTag(tag.object.data) : undefined
  if (tag.object === undefined || signed === undefined) {
    throw failed(`cannot verify signature of tag '${shown}' since it is not signed`, 'InvalidGitObject')
  }
  const signer = await verifySigned(verification, signed, now)
  const invalid = (why: string): Error =>
    failed(`signature verification of tag '${shown}' failed: ${why}`, 'InvalidTagSignature')
  if (!signer.isValid) throw invalid(`unable to verify Git tag: ${signer.why}`)
  const said = parseTag(signed.payload)
  if (said.tag !== tag.name) throw invalid(`the signed tag has the name ${JSON.stringify(said.tag.slice(0, 80))}`)
  if (said.object !== commitId) throw invalid('the signed tag stands for another object than the commit')
  return `tag '${shown}' with key '${signer.key}'`
}

type Signer = { readonly isValid: true; readonly key: string } | { readonly isValid: false; readonly why: string }

async function verifySigned(
  verification: GitVerification,
  signed: SignedPayload | undefined,
  now: number,
): Promise<Signer> {
  if (signed === undefined) {
    return { isValid: false, why: 'unable to verify payload as the provided signature is empty' }
  }
  const { signature, payload } = signed
  const keysOf = (isSsh: boolean): string[] =>
    Object.entries(verification.keys)
      .filter(([name]) => name.endsWith('.sshpub') === isSsh)
      .map(([, value]) => value)
  if (signature.startsWith('-----BEGIN SSH SIGNATURE-----')) {
    const key = await verifySshSignature(signature, payload, keysOf(true))
    if (key !== undefined) return { isValid: true, key }
    return { isValid: false, why: 'unable to verify payload with any of the given authorized keys' }
  }
  if (!signature.startsWith('-----BEGIN PGP SIGNATURE-----')) {
    return { isValid: false, why: 'the signature is neither an OpenPGP nor an SSH signature' }
  }
  const rings = keysOf(false)
  const { keyId, unreadable } = await verifyPgpSignature(signature, payload, rings, now)
  if (keyId !== undefined) return { isValid: true, key: keyId }
  const why =
    rings.length > 0 && unreadable === rings.length
      ? 'unable to read armored key ring: no key of the Secret is an armored PGP key'
      : 'unable to verify payload with any of the given key rings'
  return { isValid: false, why }
}

function failed(message: string, reason: string, disposition: EngineErrorOptions['disposition'] = 'retry'): Error {
  return gitError(message, { code: 'git-verification', reason, disposition })
}
