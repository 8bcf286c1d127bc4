import { ownAnnotations } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import type { Settings } from '../settings.ts'
import type { Managed } from '../world.ts'
import type { ClusterState } from './cluster-state.ts'
import { clusterHeld, workHeld, type Held } from './decide.ts'
import { createWindow, parseWindows, type HeldWork, type Window } from './windows.ts'

/** What a run may do, decided once for all entry points. */
export interface Safety {
  /** Why nothing in the cluster is to be written; undefined where it may be. */
  readonly cluster: Held | undefined
  /** Why a kind of work is not to be done on an object now; undefined where it may be. */
  readonly held: (object: Managed, work: HeldWork) => Held | undefined
}

/** What is known of switches and windows when a run begins. */
export interface SafetyOptions {
  readonly cluster: string
  readonly settings: Pick<Settings, 'suspended' | 'windows' | 'firstRun'>
  readonly state: ClusterState
  readonly now: number
}

/** The decisions of one run. A window that cannot be read holds the object that has it: whoever wrote it wanted something held. */
export function createSafety({ cluster, settings, state, now }: SafetyOptions): Safety {
  const windows = settings.windows.map(createWindow)
  return {
    cluster: clusterHeld({
      deployment: settings.suspended,
      cluster: state,
      needsApproval: settings.firstRun === 'plan',
      now,
    }),
    held: (object, work) => {
      const { metadata, kind } = object
      const { [ownAnnotations.windows]: text, [ownAnnotations.overrideUntil]: override } = metadata.annotations ?? {}
      if (windows.length === 0 && text === undefined) return undefined
      const target = { cluster, kind, namespace: metadata.namespace ?? '', name: metadata.name }
      let own: readonly Window[]
      try {
        own = text === undefined ? [] : parseWindows(text)
      } catch (caught) {
        const message = `held: annotation ${ownAnnotations.windows}: ${toEngineError(caught).message}`
        return { kind: 'window', message }
      }
      return workHeld({
        work,
        deployment: windows.filter((window) => window.matches(target)),
        own,
        overriddenUntil: override === undefined ? undefined : Date.parse(override),
        now,
      })
    },
  }
}
