import { toEngineError, type EgressPolicy } from '../../base/index.ts'
import {
  createPullRequests,
  gitHubApiOf,
  type ForgeKind,
  type PullRequests,
  type PullTarget,
} from '../../forges/index.ts'
import {
  maskSecrets,
  secretsOf,
  setCommitStatus,
  statusApis,
  type SendContext,
  type Target,
} from '../../notify/index.ts'
import type { Clock, HttpClient } from '../../ports/index.ts'
import { gitHubAppToken, type GitLimits, type GitObjectCache } from '../../sources/index.ts'

/** How long setting a status may take, its repetitions included. */
const statusTimeoutMs = 30_000

/** Who asks a forge: a token, or an App of GitHub that is installed for the owner. Holds secrets: never log it. */
export type ForgeCredential =
  | { readonly token: string }
  | { readonly app: { readonly id: string; readonly privateKey: string; readonly installation?: string } }

/** A repository whose pull requests are looked after. Everything in it comes from configuration, nothing from a webhook but the path that a rule of it allows. */
export interface ForgeAccess extends Omit<PullTarget, 'token' | 'app'> {
  readonly kind: ForgeKind
  readonly credential: ForgeCredential
}

/** What asking needs. */
export interface ForgeAccessDeps {
  readonly http: HttpClient
  readonly egress: EgressPolicy
  readonly clock: Clock
  /** Keeps tokens of Apps until they end. */
  readonly cache: GitObjectCache
  readonly limits: GitLimits
  readonly signal?: AbortSignal
}

/**
 * The pull requests of a repository, with the tokens of an App where there is one, and with the commit statuses that notifications have. Asks nothing by itself.
 *
 * @returns an interface whose errors are those of src/forges; of an App that gives no token `AuthenticationFailed` (reason); of a status that is not taken those of src/notify. No message shows a token or a key.
 */
export function openPullRequests(deps: ForgeAccessDeps, access: ForgeAccess): PullRequests {
  const { kind, credential, ...where } = access
  const token = (): Promise<string> => forgeToken(deps, access)
  const { http, egress, clock, signal } = deps
  return createPullRequests(
    kind,
    {
      http,
      egress,
      clock,
      ...(signal === undefined ? {} : { signal }),
      setStatus: async ({ commit, context, state, description, url }) => {
        const target = statusTarget(access, await token())
        try {
          await setCommitStatus(sendContext(deps, target), {
            api: statusApis[kind],
            target,
            status: { commit, context, state, description, name: context, ...(url === undefined ? {} : { url }) },
          })
        } catch (caught) {
          const error = toEngineError(caught)
          error.message = maskSecrets(error.message, secretsOf(target))
          throw error
        }
      },
    },
    { ...where, token, ...('app' in credential ? { app: { id: Number(credential.app.id) } } : {}) },
  )
}

/** The token with which a forge is asked, and Git as well. @throws EngineError `AuthenticationFailed` (reason). */
export function forgeToken(deps: ForgeAccessDeps, access: ForgeAccess): Promise<string> {
  const { credential } = access
  return 'token' in credential ? Promise.resolve(credential.token) : appToken(deps, access, credential.app)
}

function appToken(
  deps: ForgeAccessDeps,
  access: ForgeAccess,
  app: Extract<ForgeCredential, { readonly app: unknown }>['app'],
): Promise<string> {
  const { http, egress, clock, cache, limits, signal } = deps
  const api = gitHubApiOf(access)
  const secret = {
    githubAppID: app.id,
    githubAppPrivateKey: app.privateKey,
    ...(app.installation === undefined
      ? { githubAppInstallationOwner: access.owner }
      : { githubAppInstallationID: app.installation }),
    ...(api === 'https://api.github.com' ? {} : { githubAppBaseURL: api }),
  }
  const more = signal === undefined ? {} : { signal }
  return gitHubAppToken({ http, egress, clock, cache, limits }, { secret, credentials: {}, ...more })
}

/** The repository as notifications name theirs. */
function statusTarget({ kind, host, api, owner, name }: ForgeAccess, token: string): Target {
  const isOwnApi = kind === 'github' && api !== undefined
  const base = isOwnApi ? api.replace(/\/api\/v3\/?$/, '') : host
  return {
    type: kind,
    name: 'pull-requests',
    namespace: '',
    uid: '',
    address: `${base.replace(/\/+$/, '')}/${owner}/${name}`,
    channel: '',
    username: '',
    password: '',
    token,
    headers: {},
    hasAppKeys: false,
    commitStatus: '',
    alert: { name: '', namespace: '', uid: '' },
  }
}

function sendContext(deps: ForgeAccessDeps, target: Target): SendContext {
  const { http, clock, egress, signal } = deps
  const deadline = AbortSignal.timeout(statusTimeoutMs)
  return {
    http,
    clock,
    egress,
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    deadline: clock.now() + statusTimeoutMs,
    secrets: secretsOf(target),
  }
}
