import { comments, gitHubPullDelivery, shownContent, shownPull } from './github-pulls.ts'
import { blobAt, diffBetween, diffOf, pageOf } from './pull-keeper.ts'
import {
  notFound,
  tokenUser,
  type ApiAnswer,
  type ApiCall,
  type ForgeApiKind,
  type ForgeState,
  type KeptRepository,
} from './types.ts'

const shownUser = (state: ForgeState, login: string): object => ({ id: state.userId(login), login })

/** Deliveries of Gitea about pull requests: like those of GitHub, with words and events of its own. */
export const giteaPullDelivery: ForgeApiKind['pullDelivery'] = async (state, repository, pull, event) => {
  const { payload } = await gitHubPullDelivery(state, repository, pull, event)
  if (event.comment !== undefined)
    return { event: 'issue_comment', hears: 'pull_request_comment', payload: { ...payload, is_pull: true } }
  if (event.action !== 'updated') return { event: 'pull_request', hears: 'pull_request', payload }
  // The header has the name of the family.
  return { event: 'pull_request', hears: 'pull_request_sync', payload: { ...payload, action: 'synchronized' } }
}

/** Endpoints about people, outside of repositories. */
export function giteaPeople(state: ForgeState, { path, query }: ApiCall): ApiAnswer | undefined {
  if (path === '/user') return { status: 200, json: shownUser(state, tokenUser) }
  const member = /^\/orgs\/([^/]+)\/members\/([^/]+)$/.exec(path)
  if (member !== null)
    return state.membersOf(member[1] ?? '')?.includes(member[2] ?? '') === true ? { status: 204 } : notFound
  const search = /^\/orgs\/([^/]+)\/teams\/search$/.exec(path)?.[1]
  if (search !== undefined) {
    const names = ['leads', 'leads-of-others'].filter((name) => name.includes(query.get('q') ?? ''))
    const data = names.map((name) => ({ id: name === 'leads' ? 31 : 32, name })).toReversed()
    return state.membersOf(search) === undefined ? notFound : { status: 200, json: { ok: true, data } }
  }
  const team = /^\/teams\/(\d+)\/members\/([^/]+)$/.exec(path)
  if (team === null) return undefined
  const isIn = team[1] === '31' && state.membersOf('team/leads')?.includes(team[2] ?? '') === true
  return isIn ? { status: 200, json: shownUser(state, team[2] ?? '') } : notFound
}

/** Endpoints of a repository after docs.gitea.com/api (repository, issue). */
export async function giteaPullRoutes(
  state: ForgeState,
  repository: KeptRepository,
  rest: string,
  call: ApiCall,
): Promise<ApiAnswer | undefined> {
  const { method, query, body } = call
  if (rest === '/pulls' && method === 'POST') {
    const made = await state.open(repository, { branch: String(body['head']), title: String(body['title']) })
    return { status: 201, json: await shownPull(state, repository, made) }
  }
  if (rest === '/pulls') {
    const open = pageOf(
      repository.pulls.filter(({ state: now }) => now === 'open'),
      query,
      'limit',
      50,
    )
    return { status: 200, json: await Promise.all(open.map((one) => shownPull(state, repository, one))) }
  }
  const [, number, part] = /^\/pulls\/(\d+)(\/files|\/reviews)?$/.exec(rest) ?? []
  if (number !== undefined) {
    const pull = repository.pulls.find((one) => String(one.number) === number)
    if (pull === undefined) return notFound
    if (part === undefined) return { status: 200, json: await shownPull(state, repository, pull) }
    if (part === '/files') {
      const words: { readonly [status: string]: string } = { A: 'added', D: 'deleted', R: 'renamed' }
      const shown = (await diffOf(repository, pull)).map(({ status, path, previous = '' }) => ({
        filename: path,
        status: words[status] ?? 'changed',
        previous_filename: previous,
      }))
      return { status: 200, json: pageOf(shown, query, 'limit', 50) }
    }
    const words = {
      approved: 'APPROVED',
      'changes-requested': 'REQUEST_CHANGES',
      commented: 'COMMENT',
      dismissed: 'APPROVED',
    }
    const shown = pull.reviews.map(({ by, verdict, commit }) => ({
      user: shownUser(state, by),
      state: words[verdict],
      dismissed: verdict === 'dismissed',
      commit_id: commit,
    }))
    return { status: 200, json: pageOf(shown, query, 'limit', 50) }
  }
  const who = /^\/collaborators\/([^/]+)\/permission$/.exec(rest)?.[1]
  if (who !== undefined) {
    const role = repository.people.get(who)
    if (role === undefined) return notFound
    return { status: 200, json: { permission: { maintain: 'write', triage: 'read' }[role] ?? role, role_name: role } }
  }
  return (await comments(state, repository, rest, call)) ?? git(repository, rest, call)
}

async function git(repository: KeptRepository, rest: string, call: ApiCall): Promise<ApiAnswer | undefined> {
  const { method, query, body } = call
  if (rest === '/contents' && method === 'POST') return changeFiles(repository, body)
  const path = /^\/contents\/(.+)$/.exec(rest)?.[1]
  if (path !== undefined) return shownContent(repository, decodeURIComponent(path), query.get('ref') ?? 'main')
  const branch = /^\/branches\/(.+)$/.exec(rest)?.[1]
  if (branch !== undefined) {
    const id = await repository.git.head(decodeURIComponent(branch))
    if (id === undefined) return notFound
    if (method !== 'DELETE') return { status: 200, json: { name: branch, commit: { id } } }
    await repository.git.git('update-ref', '-d', `refs/heads/${branch}`)
    return { status: 204 }
  }
  const commit = /^\/git\/commits\/([0-9a-f]{40})$/.exec(rest)?.[1]
  if (commit !== undefined) {
    const [, ...parents] = (await repository.git.git('rev-list', '--parents', '-n', '1', commit)).split(' ')
    const changed = await diffBetween(repository, parents[0] ?? '', commit)
    const files = changed.flatMap(({ path: file, previous }) => [file, ...(previous === undefined ? [] : [previous])])
    const shown = {
      sha: commit,
      parents: parents.map((sha) => ({ sha })),
      files: files.map((filename) => ({ filename })),
    }
    return { status: 200, json: shown }
  }
  const tree = /^\/git\/trees\/([0-9a-f]{40})$/.exec(rest)?.[1]
  if (tree === undefined) return undefined
  const lines = (await repository.git.git('ls-tree', tree)).split('\n')
  const entries = lines.map((line) => /^(\d+) (\w+) ([0-9a-f]+)\t(.+)$/.exec(line) ?? [])
  return { status: 200, json: { tree: entries.map(([, mode, type, sha, name]) => ({ mode, type, sha, path: name })) } }
}

/** Several files in one commit on a new branch; each is refused that is not what the asker thinks it is. */
async function changeFiles(repository: KeptRepository, body: ApiCall['body']): Promise<ApiAnswer> {
  const base = (await repository.git.head(String(body['branch']))) ?? ''
  const target = String(body['new_branch'])
  if ((await repository.git.head(target)) !== undefined)
    return { status: 409, json: { message: 'branch already exists' } }
  const changes: { [path: string]: string | null } = {}
  for (const file of body['files'] as readonly { operation: string; path: string; sha?: string; content?: string }[]) {
    const known = await blobAt(repository, base, file.path)
    if (file.operation === 'create' ? known !== undefined : known?.sha !== file.sha)
      return { status: 422, json: { message: `sha does not match [given: ${file.sha}, expected: ${known?.sha}]` } }
    changes[file.path] = file.operation === 'delete' ? null : Buffer.from(file.content ?? '', 'base64').toString()
  }
  await repository.git.setBranch(target, base)
  await repository.git.commit(changes, { branch: target, message: String(body['message']) })
  return { status: 201, json: { commit: { sha: await repository.git.head(target) } } }
}
