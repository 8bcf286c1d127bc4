/**
 * Who the deployment is to its clusters: its own issuer of OpenID Connect with keys that rotate, tokens for itself and for the identities it acts as, the same at the clouds, and how old other
 * credentials are. Not pure: keeps keys in the state store and signs with WebCrypto.
 * @module
 */
export { authenticationConfiguration, defaultAudience, type TrustOptions } from './authentication-config.ts'
export { createCloudTransport, type ManagedCluster, type OpenTransport } from './cloud-transport.ts'
export { certificateTimes, tokenTimes, type CredentialTimes } from './credential-age.ts'
export { createFixedKeys, parseFixedKeys } from './fixed-keys.ts'
export {
  createIssuer,
  discoveryPath,
  keySetPath,
  publishedMaxAgeSeconds,
  type IssuedToken,
  type Issuer,
  type TokenClaims,
} from './issuer.ts'
export { planKeys, type KeyPlan, type KeyPolicy, type KeyTimes } from './key-plan.ts'
export { createKeyStore, type KeyMemory, type KeySource } from './key-store.ts'
export { createLoginTransport } from './login-transport.ts'
export { createOidcLogins, type ClusterLogin, type ClusterLogins } from './logins.ts'
export { deploymentGroup, deploymentSubject, isSubjectName, subjectPrefix, systemPrefix } from './subjects.ts'
export { createTokenCache, type TokenCache, type TokenMemory } from './token-cache.ts'
