import type { ProviderType } from '../api/index.ts'
import { objectGroup, type NotificationEvent } from './event.ts'

const commitStatusTypes: readonly ProviderType[] = [
  'github',
  'gitlab',
  'gitea',
  'bitbucketserver',
  'bitbucket',
  'azuredevops',
]
const changeRequestTypes: readonly ProviderType[] = [
  'githubpullrequestcomment',
  'gitlabmergerequestcomment',
  'giteapullrequestcomment',
]
const genericTypes: readonly ProviderType[] = ['generic', 'generic-hmac']

/** Whether a type of Provider sets commit statuses. */
export function isCommitStatusType(type: ProviderType): boolean {
  return commitStatusTypes.includes(type)
}

/** An event that says only that a commit's status is to be renewed. */
export function isStatusUpdate(event: NotificationEvent): boolean {
  return event.metadata[`${objectGroup(event)}/commit_status`] === 'update'
}

/**
 * Whether an event, with its metadata as it came, is for a type of Provider (notification-controller 1.9): renewals of a status for forges and generic endpoints only; forges take errors, renewals and
 * events that name their commit by annotation; comments need a change request.
 */
export function isForProvider(type: ProviderType, event: NotificationEvent): boolean {
  const isUpdate = isStatusUpdate(event)
  if (isCommitStatusType(type)) {
    const hasCommit = (event.metadata['event.toolkit.fluxcd.io/commit'] ?? '') !== ''
    return hasCommit || isUpdate || event.severity === 'error'
  }
  if (isUpdate && !genericTypes.includes(type)) return false
  if (changeRequestTypes.includes(type)) return (event.metadata['event.toolkit.fluxcd.io/change_request'] ?? '') !== ''
  return true
}
