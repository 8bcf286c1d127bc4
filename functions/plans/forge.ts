import { EngineError } from '../../src/base/index.ts'
import type { PullRequests } from '../../src/forges/index.ts'
import type { Clock, HttpClient } from '../../src/ports/index.ts'
import { forgeToken, openPullRequests, type ForgeCredential } from '../../src/reconcile/index.ts'
import { defaultGitLimits, type GitObjectCache } from '../../src/sources/index.ts'
import type { Config, ReadSetting } from '../config.ts'
import type { PlanTarget } from './config.ts'

/** What forges are asked with. */
export interface PlanForgeDeps {
  readonly config: Pick<Config, 'privateHosts'>
  readonly read: ReadSetting
  readonly http: HttpClient
  readonly clock: Clock
  /** Keeps tokens of Apps until they end. */
  readonly forgeTokens: GitObjectCache
}

/** The pull requests of a repository, as the credential of its rule. Asks nothing by itself. @throws EngineError `forge-unauthorized` where the secret is gone. */
export function openTarget(deps: PlanForgeDeps, target: PlanTarget): PullRequests {
  return openPullRequests(...accessOf(deps, target))
}

/** The token of the same credential, for Git. @throws EngineError `forge-unauthorized` where the secret is gone; of an App that gets no token. */
export function gitTokenOf(deps: PlanForgeDeps, target: PlanTarget): Promise<string> {
  return forgeToken(...accessOf(deps, target))
}

function accessOf(deps: PlanForgeDeps, target: PlanTarget): Parameters<typeof openPullRequests> {
  const { config, http, clock, forgeTokens: cache } = deps
  const { rule, host, owner, name } = target
  const egress = { allowHosts: config.privateHosts }
  const credential = credentialOf(deps.read, rule)
  return [
    { http, egress, clock, cache, limits: defaultGitLimits },
    { kind: rule.forge, host, owner, name, credential },
  ]
}

function credentialOf(read: ReadSetting, { app, tokenSecret = '' }: PlanTarget['rule']): ForgeCredential {
  const secret = (name: string): string => {
    const value = read(name)?.trim() ?? ''
    if (value === '') throw new EngineError(`there is no secret ${name}`, { code: 'forge-unauthorized' })
    return value
  }
  if (app === undefined) return { token: secret(tokenSecret) }
  const { id, keySecret, installation } = app
  return {
    app: {
      id: String(id),
      privateKey: secret(keySecret),
      ...(installation === undefined ? {} : { installation: String(installation) }),
    },
  }
}
