import { createGiteaPulls } from './gitea-pulls.ts'
import { createGitea } from './gitea.ts'
import { createGitHubPulls } from './github-pulls.ts'
import { createGitHub } from './github.ts'
import { createGitLabPulls } from './gitlab-pulls.ts'
import { createGitLab } from './gitlab.ts'
import type { PullDeps, PullRequests, PullTarget } from './pull-types.ts'
import type { Forge, ForgeDeps, ForgeKind, ForgeTarget } from './types.ts'

const forges = {
  github: createGitHub,
  gitlab: createGitLab,
  gitea: createGitea,
} as const satisfies { readonly [kind in ForgeKind]: (deps: ForgeDeps, target: ForgeTarget) => Forge }

const pulls = {
  github: createGitHubPulls,
  gitlab: createGitLabPulls,
  gitea: createGiteaPulls,
} as const satisfies { readonly [kind in ForgeKind]: (deps: PullDeps, target: PullTarget) => PullRequests }

/** The pull requests of one repository at a forge. Asks nothing by itself. Bitbucket and Azure DevOps have none here yet: their deliveries are decoded, and nothing more. */
export function createPullRequests(kind: ForgeKind, deps: PullDeps, target: PullTarget): PullRequests {
  return pulls[kind](deps, target)
}

/** Where a forge is unless somebody says otherwise. Gitea has no home. */
export const forgeHosts: { readonly [kind in ForgeKind]: string | undefined } = {
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
  gitea: undefined,
}

/** One repository at a forge. Asks nothing by itself. */
export function createForge(kind: ForgeKind, deps: ForgeDeps, target: ForgeTarget): Forge {
  return forges[kind](deps, target)
}
