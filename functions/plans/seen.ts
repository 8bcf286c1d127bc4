import {
  hasEffect,
  labelOf,
  say,
  type Danger,
  type PlanDocument,
  type PlannedApplication,
} from '../../src/plan/index.ts'
import type { Reader } from '../authorize-reading.ts'

/**
 * A plan with the applications that a reader may see: their dangers, errors and objects, and the clusters of theirs that could not be planned for. Everything that is counted or judged is so from what is left. Undefined
 * where the change does nothing to any of them, as if there were no such plan. Fields are picked one by one: what is new is hidden.
 */
export function seenDocument(reader: Reader, document: PlanDocument): PlanDocument | undefined {
  const { version, change, dangers, applications, unplanned = [] } = document
  const seen = applications.filter(({ cluster, kind, namespace, name }) =>
    reader.maySee({ cluster, kind, namespace, name }),
  )
  if (!seen.some(isConcerned)) return undefined
  const labels = new Set(seen.map((one) => placeOf(one.cluster, labelOf(one))))
  const isSeen = (cluster: string, label: string): boolean => labels.has(placeOf(cluster, label))
  const clusters = unplanned.filter(({ cluster }) => reader.maySee({ cluster }))
  return {
    version,
    change,
    dangers: dangers
      .filter(({ cluster, application }) => isSeen(cluster, application))
      .map((danger) => (reader.seesWhole(danger.cluster) ? danger : withoutOthers(danger))),
    applications: seen.map((one) => (reader.seesWhole(one.cluster) ? one : withoutOtherEnds(one, isSeen))),
    ...(clusters.length === 0 ? {} : { unplanned: clusters }),
  }
}

/** Whether a change has to do with an application at all: those that stay as they are may be listed too. */
function isConcerned(application: PlannedApplication): boolean {
  return application.state !== 'unaffected' || hasEffect(application) || application.objects.length > 0
}

function placeOf(cluster: string, label: string): string {
  return `${cluster}\n${label}`
}

/** Where an object moves to, or comes from, may be somebody else's: that it moves is seen. */
function withoutOtherEnds(
  application: PlannedApplication,
  isSeen: (cluster: string, label: string) => boolean,
): PlannedApplication {
  const { cluster, objects } = application
  const other = say`another application`
  return {
    ...application,
    objects: objects.map((object) => ({
      ...object,
      ...(object.from === undefined || isSeen(cluster, object.from) ? {} : { from: other }),
      ...(object.to === undefined || isSeen(cluster, object.to) ? {} : { to: other }),
    })),
  }
}

/** The messages of these rules name objects beyond the application, which may be somebody else's. */
function withoutOthers(danger: Danger): Danger {
  const { rule, object } = danger
  if (rule === 'suspended-parent')
    return { ...danger, message: say`what it comes from is suspended; the change arrives when that is resumed` }
  if (rule === 'dependency-never-ready') return { ...danger, message: say`what it depends on can never be ready` }
  if (rule === 'reference-removal' && object !== undefined)
    return { ...danger, message: say`deletes ${labelOf(object)}, which is used` }
  return danger
}
