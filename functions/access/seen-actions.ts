import type { ActionRecord } from '../action-log.ts'
import type { Reader } from '../authorize-reading.ts'

/** Whether a reader may see an entry of the record of actions: those of objects and clusters in their scope; all of them, sign-ins and what concerns everything as well, for who maintains everything. */
export function seesAction(reader: Reader, { target, action }: ActionRecord): boolean {
  if (reader.hasRole('maintainer', 'everything')) return true
  if (target === undefined || action === 'sign-in' || action === 'sign-out' || !('cluster' in target)) return false
  return 'namespace' in target ? reader.maySee(target) : reader.seesWhole(target.cluster)
}
