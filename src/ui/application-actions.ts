import { conditionOf, idOfSummary, type ObservedObject } from '../observe/index.ts'
import {
  actionButton,
  actionForm,
  reasonField,
  untilField,
  type FormField,
  type FormTarget,
  type Offer,
} from './action-form.ts'
import { html, type Html } from './html.ts'

/** What each kind can be pinned to. */
const pinFields: { readonly [kind: string]: Pick<FormField, 'label' | 'hint' | 'pattern'> } = {
  Kustomization: { label: 'Commit', hint: 'all forty letters', pattern: '.*[0-9a-f]{40}' },
  GitRepository: { label: 'Commit', hint: 'all forty letters', pattern: '.*[0-9a-f]{40}' },
  OCIRepository: { label: 'Digest', hint: 'sha256:…', pattern: '.*sha256:[0-9a-f]{64}' },
  HelmRelease: { label: 'Version of the chart', hint: '1.2.3' },
}

/** Kinds that the schedule looks at, so that a suspension ends by itself. */
const workloads: ReadonlySet<string> = new Set(['Kustomization', 'HelmRelease'])

/** Whether a Kustomization holds a prune back that somebody may approve. */
export function holdsPrune({ summary }: ObservedObject): boolean {
  const ready = conditionOf(summary, 'Ready')
  return ready?.status === 'False' && ready.reason === 'PruneFailed' && /confirm it/.test(ready.message)
}

/** The buttons of an application: those that make sense now, and that whoever looks may use. */
export function applicationActions(object: ObservedObject, offer: Offer | undefined, mayFetch: boolean): Html | '' {
  if (offer === undefined) return ''
  const { cluster, summary } = object
  const { kind, namespace, name, suspended } = summary
  const target: FormTarget = { cluster, kind, namespace, name }
  const parts = [
    ...(suspended ? [] : reconcileParts(object, offer, target, mayFetch)),
    ...pruneParts(object, offer, target),
    ...suspendParts(object, offer, target),
    ...pinParts(object, offer, target),
  ]
  if (parts.length === 0) return ''
  return html`<section class="actions" aria-label="Actions for ${idOfSummary(summary)}">${parts}</section>`
}

function reconcileParts(
  { summary }: ObservedObject,
  offer: Offer,
  target: FormTarget,
  mayFetch: boolean,
): readonly Html[] {
  const isWorkload = workloads.has(summary.kind)
  const parts: Html[] = []
  if (offer.may('reconcile')) {
    parts.push(actionButton(offer, 'reconcile', target, { text: isWorkload ? 'Reconcile' : 'Fetch' }))
    if (isWorkload && summary.source !== undefined && mayFetch)
      parts.push(actionButton(offer, 'reconcile', { ...target, source: 'yes' }, { text: 'Reconcile with source' }))
  }
  if (offer.may('retry') && isWorkload) {
    const isFailed = conditionOf(summary, 'Ready')?.status === 'False'
    if (isFailed) parts.push(actionButton(offer, 'retry', target, { text: 'Retry' }))
    if (summary.kind === 'HelmRelease')
      parts.push(actionButton(offer, 'retry', { ...target, mode: 'force' }, { text: 'Force an upgrade' }))
  }
  return parts
}

function pruneParts(object: ObservedObject, offer: Offer, target: FormTarget): readonly Html[] {
  if (!offer.may('approve') || !holdsPrune(object)) return []
  return [actionButton(offer, 'approve', target, { text: 'Approve the deletions…', isDangerous: true })]
}

function suspendParts({ summary }: ObservedObject, offer: Offer, target: FormTarget): readonly Html[] {
  if (summary.suspended) return offer.may('resume') ? [actionButton(offer, 'resume', target, { text: 'Resume' })] : []
  if (!offer.may('suspend')) return []
  const fields = [reasonField, untilField]
  return [actionForm(offer, 'suspend', target, { id: 'suspend', text: 'Suspend…', submit: 'Suspend', fields })]
}

function pinParts({ summary }: ObservedObject, offer: Offer, target: FormTarget): readonly Html[] {
  const field = Object.hasOwn(pinFields, summary.kind) ? pinFields[summary.kind] : undefined
  if (field === undefined) return []
  const parts: Html[] = []
  if (summary.pin !== undefined && offer.may('unpin'))
    parts.push(actionButton(offer, 'unpin', target, { text: 'Unpin' }))
  if (offer.may('pin')) {
    const revision = { ...field, name: 'revision', maxLength: 200, isRequired: true }
    const fields = [revision, reasonField, untilField]
    parts.push(
      actionForm(offer, 'pin', target, {
        id: 'pin',
        text: summary.pin === undefined ? 'Pin…' : 'Pin to another…',
        submit: 'Pin',
        fields,
      }),
    )
  }
  return parts
}
