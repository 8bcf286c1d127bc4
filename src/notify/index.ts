/**
 * Notifications: one file per type of Provider with what a request looks like and how it is sent, and a table of them; which events an Alert sends, and with which facts. Not pure: sends through the HttpClient
 * port, bounded and with a deadline. Formats and rules are notification-controller 1.9's; infra/adr/0081 says where they differ.
 * @module
 */
export { configError, unsuitable } from './errors.ts'
export { objectPath, type NotificationEvent } from './event.ts'
export { setCommitStatus, type CommitStatus, type StatusApi, type StatusState } from './forge/commit-status.ts'
export { commitOf } from './forge/commit.ts'
export { setDeployment, type DeploymentUpdate } from './forge/deployment.ts'
export { statusApis, type StatusForge } from './forge/status-apis.ts'
export { isCommitStatusType, isForProvider } from './gate.ts'
export { groupEvents } from './group.ts'
export { maskSecrets, scrubMessage, secretsOf } from './mask.ts'
export { matchAlert, type BadPattern, type Match } from './match.ts'
export { cleanMetadata, combineMetadata, rateLimitKey, type CombinedEvent } from './metadata.ts'
export { rollUp, clusterStatus, type ClusterProgress, type Progress } from './roll-up.ts'
export { commitStatusId } from './status-id.ts'
export { notificationProvider, notificationProviders } from './table.ts'
export type { NotificationProvider, OutgoingRequest, SendContext, Target } from './types.ts'
