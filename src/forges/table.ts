import { createGitea } from './gitea.ts'
import { createGitHub } from './github.ts'
import { createGitLab } from './gitlab.ts'
import type { Forge, ForgeDeps, ForgeKind, ForgeTarget } from './types.ts'

const forges = {
  github: createGitHub,
  gitlab: createGitLab,
  gitea: createGitea,
} as const satisfies { readonly [kind in ForgeKind]: (deps: ForgeDeps, target: ForgeTarget) => Forge }

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
