import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { badRequest, namePart, type PullCall } from './pull-call.ts'
import type { Permission, PullRequests } from './pull-types.ts'

const member = z.object({ access_level: z.number(), state: z.string().nullish() })

/** Levels of access (docs.gitlab.com/api/members), highest first. Below a guest is minimal access, which reads nothing. */
const levels: readonly (readonly [level: number, permission: Permission])[] = [
  [50, 'admin'],
  [40, 'maintain'],
  [30, 'write'],
  [20, 'triage'],
  [10, 'read'],
]

/** People at GitLab: what they may do, and what they are members of, inherited and invited groups included. */
export function gitLabPeople(
  call: PullCall,
  { api, project }: { readonly api: string; readonly project: string },
): Pick<PullRequests, 'permissionOf' | 'isMember'> {
  const memberOf = async (login: string, at: string): Promise<z.infer<typeof member> | undefined> => {
    const users = await call('GET', `${api}/users?username=${namePart(login)}`, 'the scope read_api')
    const found = parseAnswer('GitLab', z.array(z.object({ id: z.number(), username: z.string() })), users.json)
    // GitLab compares names without regard to case.
    const user = found.find(({ username }) => username.toLowerCase() === login.toLowerCase())
    if (user === undefined) return undefined
    const { status, json } = await call('GET', `${at}/members/all/${user.id}`, 'the scope read_api', { accept: [404] })
    if (status === 404) return undefined
    const entry = parseAnswer('GitLab', member, json)
    return entry.state === undefined || entry.state === null || entry.state === 'active' ? entry : undefined
  }
  return {
    permissionOf: async (login) => {
      const level = (await memberOf(login, project))?.access_level ?? 0
      return levels.find(([least]) => level >= least)?.[1] ?? 'none'
    },
    isMember: async (login, group) => {
      const parts = group.split('/')
      if (parts.length > 21) throw badRequest('a group has at most twenty parents')
      const path = parts.map((part) => decodeURIComponent(namePart(part))).join('/')
      const entry = await memberOf(login, `${api}/groups/${encodeURIComponent(path)}`)
      return entry !== undefined && entry.access_level >= 10
    },
  }
}
