import type { Run } from '../coordinator/index.ts'
import { countRecord, repositoryOf } from '../observe/index.ts'
import { html, plural, type Html } from './html.ts'
import { wordOf } from './state-badge.ts'

/** What a feed is of. */
export interface FeedOptions {
  /** Where the deployment is reached, without a slash at the end. */
  readonly base: string
  /** Path and query of the feed itself. */
  readonly self: string
  readonly title: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Runs as an Atom feed (RFC 4287). An entry has the id of its run, and changes with the run's state. */
export function atomFeed(runs: readonly Run[], { base, self, title, now }: FeedOptions): Html {
  const updated = Math.max(0, ...runs.map(updatedAt))
  return html`<?xml version="1.0" encoding="utf-8"?>
    <feed xmlns="http://www.w3.org/2005/Atom">
      <id>urn:sluice:runs:${encodeURIComponent(self)}</id>
      <title>${xml(title)}</title>
      <updated>${stamp(updated === 0 ? now : updated)}</updated>
      <link rel="self" href="${xml(base + self)}" />
      <link rel="alternate" type="text/html" href="${xml(`${base}/ui/runs`)}" />
      ${runs.map((run) => entry(run, base))}
    </feed> `
}

function entry(run: Run, base: string): Html {
  return html`<entry>
    <id>urn:sluice:run:${run.id}</id>
    <title>${xml(titleOf(run))}</title>
    <updated>${stamp(updatedAt(run))}</updated>
    <published>${stamp(run.receivedAt)}</published>
    <author><name>${xml(run.actor ?? run.push?.actor ?? 'sluice')}</name></author>
    <category term="${run.state}" />
    <link rel="alternate" type="text/html" href="${xml(`${base}/ui/runs/${encodeURIComponent(run.id)}`)}" />
    <summary>${xml(summaryOf(run))}</summary>
  </entry> `
}

function titleOf(run: Run): string {
  const { push } = run
  if (push === undefined) return `${wordOf(run.state)}: ${run.trigger}`
  const commit = /^[0-9a-f]{40,64}$/i.test(push.after ?? '') ? ` ${push.after?.slice(0, 8)}` : ''
  return `${wordOf(run.state)}: push to ${push.ref.replace(/^refs\/(?:heads|tags)\//, '')}${commit}`
}

/** Counts and codes: messages are for those who open the run. */
function summaryOf(run: Run): string {
  const counts = run.records.map(countRecord)
  const sum = (field: 'objects' | 'changes' | 'notReady'): number => counts.reduce((all, one) => all + one[field], 0)
  const errors = run.records.flatMap(({ cluster, error }) => (error === undefined ? [] : [`${cluster}: ${error.code}`]))
  const repository = repositoryOf(run)
  return [
    repository,
    `${plural(run.clusters.length, 'cluster')}, ${plural(sum('objects'), 'object')}, ${plural(sum('changes'), 'change')}`,
    sum('notReady') === 0 ? undefined : `${sum('notReady')} not ready`,
    ...errors,
  ]
    .filter((part) => part !== undefined)
    .join('; ')
}

function updatedAt(run: Run): number {
  return Math.max(run.receivedAt, ...run.records.flatMap(({ finishedAt }) => finishedAt ?? []))
}

function stamp(at: number): string {
  return new Date(at).toISOString()
}

/** Text without the characters that XML has no way to write; what is left is escaped where it is printed. */
function xml(text: string): string {
  return text.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
}
