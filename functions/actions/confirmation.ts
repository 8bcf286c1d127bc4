import type { confirmPage } from '../../src/ui/index.ts'
import { nameOf, pageOf, type ActionRequest } from './action-request.ts'

type Question = Parameters<typeof confirmPage>[1]

/** What is asked before an action that is hard to take back; undefined for those that are done at once. */
export function confirmationOf({ action, target, fields }: ActionRequest, token: string): Question | undefined {
  const isOfChanges = action === 'approve' && (fields.waiting === 'yes' || 'plan' in target)
  const words = isOfChanges ? approvalWords : wordsOf(action, 'kind' in target)
  if (words === undefined || fields.confirmed === 'yes') return undefined
  const { csrf: _csrf, confirmed: _confirmed, ...kept } = fields
  return {
    ...words,
    action,
    title: `${words.title} ${nameOf(target)}?`,
    target: Object.fromEntries(Object.entries(kept).map(([key, value]) => [key, String(value)])),
    back: pageOf(target),
    offer: { tokenOf: () => token },
  }
}

/** The words for changes that are held until somebody has looked at them. */
const approvalWords: NonNullable<ReturnType<typeof wordsOf>> = {
  title: 'Approve the changes of',
  consequences: [
    'What the page before showed is applied without asking again, with the deletions that are part of it, as soon as the branch says so.',
    'That counts for exactly this content: where something else is to be applied, it waits again.',
  ],
  submit: 'Approve',
}

function wordsOf(
  action: ActionRequest['action'],
  isObject: boolean,
): Pick<Question, 'title' | 'consequences' | 'submit'> | undefined {
  if (action === 'suspend' && !isObject)
    return {
      title: 'Suspend',
      consequences: [
        'From the next run on nothing in the cluster is written: by pushes, scans, triggers or the command line.',
        'Runs that have begun end within their time. What is pushed meanwhile is applied when the cluster is resumed.',
      ],
      submit: 'Suspend the cluster',
    }
  if (action === 'abort')
    return {
      title: 'Abort',
      consequences: [
        'It stops where it is. What it has applied stays, and what it has not is left.',
        'The next push or scan goes on from there. To keep that from happening, suspend the application or the cluster.',
      ],
      submit: 'Abort the run',
    }
  if (action === 'approve')
    return isObject
      ? {
          title: 'Approve the deletions of',
          consequences: [
            'Everything that is no longer in Git is deleted from the cluster, with the data of what is deleted.',
            'That counts for the revision that was tried last, and for no other.',
          ],
          submit: 'Approve and delete',
        }
      : {
          title: 'Approve the first run of',
          consequences: ['Everything that Git says is applied to the cluster, and what it no longer says is deleted.'],
          submit: 'Approve the first run',
        }
  return undefined
}
