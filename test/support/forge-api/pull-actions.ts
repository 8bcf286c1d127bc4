import { addComment, mergePull, openPull, refreshHead, type OpenOptions } from './pull-keeper.ts'
import type { ForgeApiKind, ForgeState, KeptComment, KeptPull, KeptRepository, PullEvent } from './types.ts'

/** What people do with pull requests. `id` is `owner/name` of the base repository; each resolves when its deliveries were answered. */
export interface PullActions {
  readonly open: (id: string, options: OpenOptions) => Promise<KeptPull>
  /** Makes a fork. */
  readonly fork: (id: string, owner: string) => Promise<KeptRepository>
  readonly push: (id: string, pull: KeptPull, files: { readonly [path: string]: string | null }) => Promise<string>
  /** Has it merged into another branch. */
  readonly retarget: (id: string, pull: KeptPull, branch: string) => Promise<void>
  /** Merges for real, and pushes to the base. @returns the commit. */
  readonly merge: (id: string, pull: KeptPull, how?: 'merge' | 'squash') => Promise<string>
  readonly close: (id: string, pull: KeptPull) => Promise<void>
  readonly comment: (id: string, pull: KeptPull, author: string, body: string) => Promise<KeptComment>
}

/** Actions on the repositories of a forge. */
export function createPullActions(options: {
  readonly kind: string
  readonly api: ForgeApiKind
  readonly state: () => ForgeState
  /** Tells of what `main` stands at. */
  readonly tell: (repository: KeptRepository) => Promise<void>
}): PullActions {
  const { kind, api, state, tell } = options
  const repositoryOf = (id: string): KeptRepository => {
    const [, owner = '', name = ''] = /^(.+)\/([^/]+)$/.exec(id) ?? []
    const found = state().find(owner, name)
    if (found === undefined) throw new Error(`there is no repository ${id}`)
    return found
  }
  const tellPull = async (repository: KeptRepository, pull: KeptPull, happened: PullEvent): Promise<void> => {
    const { event, hears, payload } = await api.pullDelivery(state(), repository, pull, happened)
    const listening = repository.hooks.filter(({ active, events }) => active && events.includes(hears))
    await Promise.all(listening.map((hook) => state().deliver(hook, event, payload)))
  }
  return {
    open: async (id, wish) => {
      const repository = repositoryOf(id)
      const pull = await openPull(kind, repository, wish, state().nextId)
      await tellPull(repository, pull, { action: 'opened', actor: pull.author })
      return pull
    },
    fork: async (id, owner) => {
      const { name, git } = repositoryOf(id)
      const made = await state().create(owner, name, false)
      await made.git.git('fetch', '-q', git.path, 'refs/heads/main:refs/heads/main')
      return made
    },
    push: async (id, pull, files) => {
      const repository = repositoryOf(id)
      const before = pull.last.head
      const commit = await pull.from.git.commit(files, { branch: pull.head })
      await refreshHead(kind, repository, pull)
      await tellPull(repository, pull, { action: 'updated', actor: pull.author, before })
      return commit
    },
    retarget: async (id, pull, branch) => {
      const repository = repositoryOf(id)
      pull.base = branch
      await refreshHead(kind, repository, pull)
      await tellPull(repository, pull, { action: 'updated', actor: pull.author, before: pull.last.head })
    },
    merge: async (id, pull, how = 'merge') => {
      const repository = repositoryOf(id)
      const commit = await mergePull(kind, repository, pull, how)
      await tellPull(repository, pull, { action: 'merged', actor: 'ada' })
      await tell(repository)
      return commit
    },
    close: async (id, pull) => {
      pull.state = 'closed'
      await tellPull(repositoryOf(id), pull, { action: 'closed', actor: pull.author })
    },
    comment: async (id, pull, author, body) => {
      const made = addComment(pull, state().nextId(), { author, body })
      await tellPull(repositoryOf(id), pull, { action: 'commented', actor: author, comment: made })
      return made
    },
  }
}
