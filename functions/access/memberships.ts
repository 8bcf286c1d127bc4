import { EngineError, isEngineError, mapLimit, sha256Hex } from '../../src/base/index.ts'
import { createPullRequests, readAccount, type Permission } from '../../src/forges/index.ts'
import type { FunctionDeps } from '../deps.ts'
import type { ForgeLogin } from '../login/config.ts'
import { readOwnNote, writeOwnNote } from './own-notes.ts'
import { wantedFacts, type Identity } from './rules.ts'

/** What a forge says of somebody. */
export interface Memberships {
  readonly isActive: boolean
  readonly groups: readonly string[]
  readonly permissions: { readonly [repository: string]: Permission }
}

interface Known extends Memberships {
  readonly askedAt: number
  readonly triedAt: number
}

/** How long an answer counts; how long while the forge cannot be asked; the pause between attempts then. */
const freshMs = 5 * 60_000
const lastKnownMs = 15 * 60_000
const pauseMs = 30_000
const askTimeoutMs = 10_000
const concurrency = 4

/**
 * What somebody is a member of and may do, of all that the rules ask for, as the forge says it now or said within the last minutes. Asked with the deployment's own token. A login without
 * one knows only who somebody is.
 *
 * @throws EngineError `login-unavailable` where the forge has not answered for a quarter of an hour.
 */
export async function membershipsOf(
  deps: FunctionDeps,
  login: ForgeLogin,
  who: Pick<Identity, 'user' | 'id'>,
): Promise<Memberships> {
  const token = login.tokenSecret === undefined ? '' : (deps.read(login.tokenSecret)?.trim() ?? '')
  if (token === '') return { isActive: true, groups: [], permissions: {} }
  const wanted = wantedFacts(deps.config.reading.rules ?? [], login.id)
  // Rules that ask for something else have answers of their own.
  const key = `memberships/${login.id}/${sha256Hex(JSON.stringify([login.host, who.user, who.id, wanted]))}`
  const now = deps.clock.now()
  const known = await readOwnNote<Known>(deps, key)
  if (known !== undefined && isUsable(known, now)) return known
  try {
    const found = await askForge(deps, login, { token, who, wanted })
    await writeOwnNote(deps, key, { ...found, askedAt: now, triedAt: now }, lastKnownMs / 1000)
    return found
  } catch (caught) {
    const code = isEngineError(caught) ? caught.code : 'unexpected'
    const error = isEngineError(caught) ? caught.message : 'it did not answer'
    deps.logger.log('warn', 'memberships not read', { login: login.id, code, error })
    if (known === undefined || now - known.askedAt >= lastKnownMs)
      throw new EngineError(`${login.name} does not say what you may see; try again in a minute`, {
        code: 'login-unavailable',
        disposition: 'retry',
      })
    await writeOwnNote(deps, key, { ...known, triedAt: now }, lastKnownMs / 1000)
    return known
  }
}

function isUsable({ askedAt, triedAt }: Known, now: number): boolean {
  if (now < askedAt) return false
  return now - askedAt < freshMs || (now - askedAt < lastKnownMs && now - triedAt < pauseMs)
}

async function askForge(
  deps: FunctionDeps,
  login: ForgeLogin,
  asked: {
    readonly token: string
    readonly who: Pick<Identity, 'user' | 'id'>
    readonly wanted: ReturnType<typeof wantedFacts>
  },
): Promise<Memberships> {
  const { token, who, wanted } = asked
  const { http, clock, config } = deps
  // Pauses that a forge asks for are waited out within that: then what was known counts on.
  const signal = AbortSignal.timeout(askTimeoutMs)
  const ask = { http, clock, signal, egress: { allowHosts: config.privateHosts } }
  const target = { host: login.host, ...(login.api === undefined ? {} : { api: login.api }) }
  const account = await readAccount(login.kind, ask, { ...target, token }, who.user)
  // A name may have changed hands since.
  if (account === undefined || !account.isActive || account.id !== who.id)
    return { isActive: false, groups: [], permissions: {} }
  const peopleOf = (repository: string) => {
    const parts = repository.split('/')
    const at = { ...target, owner: parts.slice(0, -1).join('/'), name: parts.at(-1) ?? '' }
    return createPullRequests(login.kind, ask, { ...at, token: () => Promise.resolve(token) })
  }
  const [groups, permissions] = await Promise.all([
    mapLimit(wanted.groups, concurrency, async (group) =>
      (await peopleOf('any/any').isMember(who.user, group)) ? [group] : [],
    ),
    mapLimit(
      wanted.repositories,
      concurrency,
      async (repository) => [repository, await peopleOf(repository).permissionOf(who.user)] as const,
    ),
  ])
  return { isActive: true, groups: groups.flat(), permissions: Object.fromEntries(permissions) }
}
