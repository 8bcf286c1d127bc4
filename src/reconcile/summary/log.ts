import { createSerial } from '../serial.ts'

/**
 * What the jobs of a cluster that go on at the same time share when they save: they do so one after the other, and know what others have saved since they looked. Kept in memory
 * alone, because only jobs of one instance go on at the same time.
 */
export interface SummaryLog {
  /** Runs `work` when everything before it is done. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Notes that objects were saved anew, or as gone. */
  note(ids: readonly string[], now: number): void
  /** Whether somebody has saved the object since. */
  isNewer(id: string, since: number): boolean
}

/** No job goes on for longer; what was noted before is forgotten. */
const rememberedMs = 30 * 60_000

/** An empty log. */
export function createSummaryLog(): SummaryLog {
  const savedAt = new Map<string, number>()
  const saving = createSerial()
  return {
    inTurn: (work) => saving.run(work),
    note: (ids, now) => {
      for (const [id, at] of savedAt) {
        if (now - at < rememberedMs) break
        savedAt.delete(id)
      }
      for (const id of ids) {
        savedAt.delete(id)
        savedAt.set(id, now)
      }
    },
    isNewer: (id, since) => (savedAt.get(id) ?? 0) > since,
  }
}
