import { EngineError, type EngineErrorOptions } from '../base/index.ts'

/** Every way in which reading secrets fails. None of these errors carries a value, a key or a part of one. */
export type SecretsErrorCode =
  /** The file is no valid file of its format, or has no usable SOPS metadata. */
  | 'sops-bad-file'
  /** The file is larger than what is decrypted. */
  | 'sops-file-too-large'
  /** No key service gave the file's data key. */
  | 'sops-no-data-key'
  /** A value does not decrypt: it was changed, moved, or cut off. */
  | 'sops-bad-value'
  /** The file's message authentication code does not match its values. */
  | 'sops-bad-mac'
  /** A Secret that is encrypted, and nothing says how to decrypt it. */
  | 'sops-not-configured'
  /** Key material that cannot be used: unreadable, passphrase-protected, of an unsupported kind. */
  | 'sops-bad-key-material'
  /** A key service answered with an error, or not at all. */
  | 'key-service-failed'
  /** A key service, or a way of proving who we are to it, that is not supported. */
  | 'key-service-unsupported'

/** An EngineError of this folder; Flux reports all of them as BuildFailed. */
export function secretsError(
  code: SecretsErrorCode,
  message: string,
  options: Omit<EngineErrorOptions, 'code'> = {},
): EngineError {
  return new EngineError(message, { reason: 'BuildFailed', ...options, code })
}
