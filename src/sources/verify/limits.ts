/** Bounds of what is read to verify one artifact: whoever may push to a repository decides how much lies beside it. */
export const verifyLimits = Object.freeze({
  /** Signatures of cosign that are looked at. */
  maxSignatures: 50,
  /** Signatures of notation that are looked at (source-controller's MaxSignatureAttempts). */
  maxNotationSignatures: 3,
  /** Largest payload of a signature (a few hundred bytes, as cosign writes it). */
  maxPayloadBytes: 1 << 20,
  /** Largest bundle; those of attestations carry the statement. */
  maxBundleBytes: 4 << 20,
  /** Largest envelope of notation, certificates included. */
  maxEnvelopeBytes: 1 << 20,
  /** Longest chain of certificates. */
  maxChain: 10,
  /** Largest text of a key, a trust policy, a trusted root. */
  maxTrustBytes: 1 << 20,
})
