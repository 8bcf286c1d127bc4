import { EngineError } from '../../base/index.ts'
import type { DriftPath } from '../../kube/index.ts'
import type { Progress } from '../terminal/progress.ts'
import { shortRevision } from './object-row.ts'

/** A node of a run, as the deployment's answers have it. */
export interface RunNode {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly state: 'ready' | 'waiting' | 'blocked' | 'failed' | 'skipped'
  readonly revision?: string
  readonly reason?: string
  readonly message?: string
  readonly changes?: readonly {
    readonly object: string
    readonly action: string
    readonly note?: string
    readonly drift?: readonly DriftPath[]
  }[]
  readonly changed?: number
  readonly unchanged?: number
  readonly timings?: { readonly startedAt: number; readonly finishedAt: number }
}

/** A run on one cluster. */
export interface RunRecord {
  readonly cluster: string
  readonly state: string
  readonly nodes: readonly RunNode[]
  readonly receivedAt?: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly requests?: number
  readonly error?: { readonly code: string; readonly message: string }
}

/** A run as `GET /runs/<id>` answers it. */
export interface Run {
  readonly id: string
  readonly trigger: string
  readonly state: 'queued' | 'running' | 'succeeded' | 'partial' | 'failed'
  readonly receivedAt: number
  readonly actor?: string
  readonly plan?: boolean
  readonly push?: {
    readonly ref: string
    readonly after?: string
    readonly urls?: readonly string[]
    readonly actor?: string
  }
  readonly records: readonly RunRecord[]
}

type Line =
  | { readonly type: 'accepted'; readonly run: string; readonly clusters: readonly string[] }
  | { readonly type: 'cluster'; readonly cluster: string; readonly state: string; readonly message?: string }
  | { readonly type: 'node'; readonly cluster: string; readonly node: RunNode }
  | { readonly type: 'waiting' }
  | { readonly type: 'end'; readonly run: Run }
  | { readonly type: 'timeout'; readonly run: string; readonly state: string; readonly message: string }

/**
 * Follows a run through the lines of a deployment, telling how its nodes change.
 *
 * @returns the run when it has ended. @throws EngineError `wait-timeout`, also where the stream ends before the run.
 */
export async function followLines(
  lines: AsyncGenerator<unknown>,
  progress: Progress,
  options: { readonly tellsNodes: boolean } = { tellsNodes: true },
): Promise<Run> {
  const clusters = new Set<string>()
  for await (const given of lines) {
    const line = given as Line
    switch (line.type) {
      case 'accepted':
        progress.begin(`run ${line.run} on ${line.clusters.join(', ')}`)
        break
      case 'cluster':
        clusters.add(line.cluster)
        if (line.message !== undefined) progress.warn(`${line.cluster}: ${line.message}`)
        else if (line.state !== 'succeeded') progress.wait(`${line.cluster}: ${line.state}`)
        break
      case 'node':
        if (options.tellsNodes) tellNode(progress, line.node, clusters.size > 1 ? `${line.cluster}: ` : '')
        break
      case 'timeout':
        throw new EngineError(`${line.message} (run ${line.run}, ${line.state})`, {
          code: 'wait-timeout',
          disposition: 'wait',
        })
      case 'end':
        return line.run
      case 'waiting':
        break
    }
  }
  throw new EngineError('the answer ended before the run; it goes on, see: sluice logs', {
    code: 'wait-timeout',
    disposition: 'wait',
  })
}

function tellNode(progress: Progress, node: RunNode, prefix: string): void {
  const changed = node.changed ?? node.changes?.length ?? 0
  const counts = changed === 0 ? '' : ` (${changed} changed)`
  const text = `${prefix}${node.kind}/${node.namespace}/${node.name}: ${shortRevision(node.message ?? node.state)}${counts}`
  switch (node.state) {
    case 'ready':
    case 'skipped':
      return progress.done(text)
    case 'failed':
    case 'blocked':
      return progress.fail(text)
    case 'waiting':
      return progress.wait(text)
  }
}
