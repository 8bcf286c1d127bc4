/**
 * SOPS: decrypts files of YAML, JSON, dotenv, INI and any other content with age, OpenPGP, Vault, AWS KMS, GCP KMS and Azure Key Vault, to the bytes
 * that sops v3.13 prints. Not pure: asks key services through the HttpClient port. No value, key or part of one is ever in an error.
 * @module
 */
export { decryptFile, maxEncryptedFileSize, type DecryptOptions } from './decrypt.ts'
export { decryptJsonObject, isEncryptedObject } from './decrypt-object.ts'
export { maskFile, maskJsonObject, type MaskValue } from './mask.ts'
export type { KeyServices } from './data-key.ts'
export { detectFormat, formatOfPath, isEncrypted, type SopsFormat } from './format.ts'
export { fromBase64, toBase64 } from './encoding.ts'
export { createRedactor, type Redactor } from './redact.ts'
export { secretsError, type SecretsErrorCode } from './errors.ts'
export { readKeyMaterial, type KeyMaterial } from './keys/material.ts'
export { createKeyServices, type KeyLogins } from './keys/services.ts'
export { loginToVault, type VaultInstance } from './keys/vault.ts'
export type { KeyServiceDeps } from './keys/request.ts'
