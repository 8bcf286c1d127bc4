import { availableParallelism } from 'node:os'

/** Seconds of files that take long, roughly: only their order counts. The end of a run names the longest. A file that is not here counts as its folder's usual. */
export const longFiles: { readonly [path: string]: number } = {
  'test/runtime/fleet.test.ts': 140,
  'test/runtime/disaster.test.ts': 130,
  'test/runtime/fleet-kill.test.ts': 120,
  'test/unit/deploy/deploy.test.ts': 120,
  'test/integration/helmrelease-cut.test.ts': 110,
  'test/integration/helmrelease-cut-end.test.ts': 110,
  'test/integration/reconcile-thirty.test.ts': 100,
  'test/integration/bootstrap.test.ts': 75,
  'test/integration/cli-verbs.test.ts': 75,
  'test/integration/reconcile-cut.test.ts': 60,
  'test/integration/migrate-flux.test.ts': 60,
  'test/runtime/pull-request.test.ts': 60,
  'test/unit/ui/accessibility.test.ts': 60,
  'test/integration/helmrelease-actions.test.ts': 55,
  'test/integration/helmrelease-rollback.test.ts': 55,
  'test/docs/readme.test.ts': 50,
  'test/integration/reconcile-unaffected.test.ts': 45,
  'test/integration/plan-secrets.test.ts': 40,
  'test/unit/plans/replan-cut-off.test.ts': 40,
  'test/runtime/page-actions.test.ts': 40,
  'test/unit/plans/cut-off.test.ts': 35,
  'test/integration/cli-bootstrap.test.ts': 35,
  'test/unit/ui/browser.test.ts': 35,
  'test/integration/helmrelease-fields.test.ts': 30,
  'test/integration/helmrelease-apply.test.ts': 30,
  'test/docs/disaster-recovery.test.ts': 25,
  'test/unit/helm/command-line.test.ts': 25,
  'test/unit/ui/application-page.test.ts': 20,
}

/** Usual seconds of a file, by the beginning of its path. */
const usual: readonly (readonly [prefix: string, seconds: number])[] = [
  ['test/unit/', 3],
  ['test/runtime/', 25],
  ['test/docs/', 15],
  ['test/', 12],
]

/** Whether a file needs the run's control plane. Those mostly wait, for the cluster and for time; the others mostly compute. */
export function needsCluster(file: string): boolean {
  return !/^test\/(?:unit|arch|property|conformance)\//.test(file)
}

/** Seconds that a file will take, by what is known. */
export function expectedSeconds(file: string): number {
  return longFiles[file] ?? usual.find(([prefix]) => file.startsWith(prefix))?.[1] ?? 0
}

/** How many files run at once. The servers beside them, and those that they start, keep the processors busy while a file waits: with more, files take longer in turn and miss their deadlines. */
export function laneCount(): number {
  return Math.max(2, availableParallelism())
}

/**
 * Calls `work` for every file, in `lanes` lanes at once. One of them prefers files that compute, the others files that need the cluster, so that one uses the time in which the
 * others wait; each takes the longest first, so that at the end no file is left to run alone. @throws what `work` throws first.
 */
export async function inLanes(
  files: readonly string[],
  lanes: number,
  work: (file: string) => Promise<void>,
): Promise<void> {
  const longestFirst = files.toSorted((a, b) => expectedSeconds(b) - expectedSeconds(a) || (a < b ? -1 : 1))
  const waiting = longestFirst.filter(needsCluster)
  const computing = longestFirst.filter((file) => !needsCluster(file))
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const queues = lane === 0 && lanes > 1 ? [computing, waiting] : [waiting, computing]
      for (let file = next(queues); file !== undefined; file = next(queues)) await work(file)
    }),
  )
}

function next(queues: readonly string[][]): string | undefined {
  return queues.find((queue) => queue.length > 0)?.shift()
}
