import { azureDevOpsStatuses } from '../providers/azuredevops.ts'
import { bitbucketStatuses } from '../providers/bitbucket.ts'
import { bitbucketServerStatuses } from '../providers/bitbucketserver.ts'
import { giteaStatuses } from '../providers/gitea.ts'
import { gitHubStatuses } from '../providers/github.ts'
import { gitLabStatuses } from '../providers/gitlab.ts'
import type { StatusApi } from './commit-status.ts'

/** Forges that take commit statuses. */
export const statusApis = {
  github: gitHubStatuses,
  gitlab: gitLabStatuses,
  gitea: giteaStatuses,
  bitbucket: bitbucketStatuses,
  bitbucketserver: bitbucketServerStatuses,
  azuredevops: azureDevOpsStatuses,
} as const satisfies { readonly [forge: string]: StatusApi }

/** Name of such a forge, the same as that of its type of Provider. */
export type StatusForge = keyof typeof statusApis
