/**
 * Logins at the clouds: credentials of AWS, tokens of Google Cloud and of Microsoft Entra ID for the deployment itself or for a service account of a cluster, and what their registries and Git services
 * take for them. Not pure: asks token services through the HttpClient port. Matches fluxcd/pkg auth (as of Flux 2.9).
 * @module
 */
export { signAwsRequest, type AwsCredentials } from './aws-sign.ts'
export { assumeAwsRole, checkStsEndpoint, fetchLdapCredentials } from './aws-sts.ts'
export { azureAuthority, fetchAzureToken, type AzureCredentials } from './azure.ts'
export { fetchGcpToken, gcpScope, type GcpCredentials, type GcpToken } from './gcp.ts'
export { parseGcpCredentials, readGcpCredentials } from './gcp-credentials.ts'
export { codeCommitLogin, codeCommitRegion } from './codecommit.ts'
export { createClusterAccess, managedClusterProblem } from './clusters.ts'
export { createCloudLogins, type CloudLogins, type CloudRequest } from './logins.ts'
export { cloudRegistryLogin, type CloudProvider } from './registry.ts'
export { answerField, parseObject, postToService, type CloudDeps, type CloudFailure } from './request.ts'
