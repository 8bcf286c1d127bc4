import { EngineError } from '../base/index.ts'
import type { KubeIdentity } from '../ports/index.ts'

/** What every user and group of our tokens begins with. API servers are configured to refuse others from us. */
export const subjectPrefix = 'sluice:'
/** Users and groups of Kubernetes itself: no token of ours may name one. */
export const systemPrefix = 'system:'
/** The deployment itself. */
export const deploymentSubject = 'sluice:deployment'
export const deploymentGroup = 'sluice:deployment'

// No white space and nothing that could be mistaken for a list; OpenID Connect allows a subject of 255 characters.
const nameForm = /^sluice:[A-Za-z0-9](?:[A-Za-z0-9._:@/-]{0,240}[A-Za-z0-9])?$/

/** Whether a name can be the subject or a group of a token. */
export function isSubjectName(name: string): boolean {
  return nameForm.test(name)
}

/**
 * Refuses identities that must not get a token when they are asked for as somebody else: the deployment's own, which is stronger, and names that are not ours.
 *
 * @param own the deployment's subject in that cluster.
 * @throws EngineError `identity-not-allowed` (`stall`).
 */
export function checkDelegated(identity: KubeIdentity, own: string, cluster: string): void {
  const { user, groups = [] } = identity
  const refuse = (why: string): EngineError =>
    new EngineError(`cluster '${cluster}': there is no token for ${JSON.stringify(user)}: ${why}`, {
      code: 'identity-not-allowed',
      data: { cluster, user },
    })
  if (user === own || user === deploymentSubject) throw refuse('that is the deployment itself')
  if (!isSubjectName(user)) throw refuse(`a name must begin with '${subjectPrefix}'`)
  const foreign = groups.find((group) => !isSubjectName(group))
  if (foreign !== undefined) throw refuse(`its group ${JSON.stringify(foreign)} does not begin with '${subjectPrefix}'`)
  if (groups.includes(deploymentGroup)) throw refuse(`the group '${deploymentGroup}' is the deployment's`)
}
