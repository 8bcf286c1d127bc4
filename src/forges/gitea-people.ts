import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { badRequest, namePart, notInside, type PullCall } from './pull-call.ts'
import { permissions, type PullRequests } from './pull-types.ts'

const teams = z.object({ data: z.array(z.object({ id: z.number(), name: z.string() })).nullish() })

/** People at Gitea and Forgejo: what they may do, and what they are members of. */
export function giteaPeople(
  call: PullCall,
  { api, repository }: { readonly api: string; readonly repository: string },
): Pick<PullRequests, 'permissionOf' | 'isMember'> {
  return {
    permissionOf: async (login) => {
      const url = `${repository}/collaborators/${namePart(login)}/permission`
      const { status, json } = await call('GET', url, 'administration of the repository', { accept: [404] })
      if (status === 404) return 'none'
      const { permission } = parseAnswer('Gitea', z.object({ permission: z.string() }), json)
      return permission === 'owner' ? 'admin' : (permissions.find((one) => one === permission) ?? 'none')
    },
    isMember: async (login, group) => {
      const [organisation = '', team, ...rest] = group.split('/')
      if (rest.length > 0) throw badRequest('a group is <organisation> or <organisation>/<team>')
      const right = 'the scope read:organization, as a member of the organisation'
      const who = namePart(login)
      const at = `${api}/orgs/${namePart(organisation)}`
      if (team === undefined) {
        // 303: the asker is no member; then only public members are told, which is not what is asked.
        const { status } = await call('GET', `${at}/members/${who}`, right, { accept: [302, 303, 404] })
        if (status >= 300 && status < 400) throw notInside('Gitea', right)
        return status === 204
      }
      const search = await call('GET', `${at}/teams/search?q=${namePart(team)}&limit=50`, right, { accept: [404] })
      if (search.status === 404) return false
      // The search finds parts of names, too.
      const found = parseAnswer('Gitea', teams, search.json).data?.find(
        ({ name }) => name.toLowerCase() === team.toLowerCase(),
      )
      if (found === undefined) return false
      const { status } = await call('GET', `${api}/teams/${found.id}/members/${who}`, right, { accept: [404] })
      return status >= 200 && status < 300
    },
  }
}
