import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { badRequest, namePart, notInside, type PullCall } from './pull-call.ts'
import { permissions, type Permission, type PullRequests } from './pull-types.ts'

const permission = z.object({ permission: z.string(), role_name: z.string().nullish() })

/** People at GitHub: what they may do, and what they are members of (docs.github.com/rest: collaborators, orgs/members, teams/members). */
export function gitHubPeople(
  call: PullCall,
  { api, repository }: { readonly api: string; readonly repository: string },
): Pick<PullRequests, 'permissionOf' | 'isMember'> {
  return {
    permissionOf: async (login) => {
      const url = `${repository}/collaborators/${namePart(login)}/permission`
      const { status, json } = await call('GET', url, 'the right to read metadata, as somebody with write access', {
        accept: [404],
      })
      return status === 404 ? 'none' : roleOf(parseAnswer('GitHub', permission, json))
    },
    isMember: async (login, group) => {
      const [organisation = '', team, ...rest] = group.split('/')
      if (rest.length > 0) throw badRequest('a group is <organisation> or <organisation>/<team>')
      const right = 'the right to read members of the organisation (Members, read; classic: read:org)'
      const who = namePart(login)
      const at = `${api}/orgs/${namePart(organisation)}`
      if (team === undefined) {
        // 302: the asker is no member; then only public members are told, which is not what is asked.
        const { status } = await call('GET', `${at}/members/${who}`, right, { accept: [302, 404] })
        if (status === 302) throw notInside('GitHub', right)
        return status === 204
      }
      const url = `${at}/teams/${namePart(team)}/memberships/${who}`
      const { status, json } = await call('GET', url, right, { accept: [404] })
      return status !== 404 && parseAnswer('GitHub', z.object({ state: z.string() }), json).state === 'active'
    },
  }
}

/** Roles of an organisation's own have other names: then the permission that they build on counts. */
function roleOf({ role_name: role, permission: base }: z.infer<typeof permission>): Permission {
  const known = (name: string | null | undefined): Permission | undefined => permissions.find((one) => one === name)
  return known(role) ?? known(base) ?? 'none'
}
