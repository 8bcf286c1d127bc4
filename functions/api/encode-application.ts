import type { z } from 'zod'
import {
  relationsOf,
  type DriftedApplication,
  type ObservedCluster,
  type ObservedObject,
} from '../../src/observe/index.ts'
import { ignoreRules, type HistoryEntry } from '../../src/reconcile/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { windowsOf } from '../find-object.ts'
import type { lookInto } from '../look.ts'
import type * as schemas from './application-schemas.ts'
import { encodeObjectHead, present } from './encode.ts'

/** Everything that is known of an object without asking its cluster. */
export function encodeObject(
  deps: Pick<FunctionDeps, 'config' | 'clock'>,
  { object, observed }: { readonly object: ObservedObject; readonly observed: ObservedCluster },
): z.infer<typeof schemas.object> {
  const { generation, observedGeneration, conditions, dependsOn, parent, url, path, commits, outcomes } = object.summary
  const { source, ...relatives } = relationsOf(observed, object.summary)
  return present({
    ...encodeObjectHead(object, observed.health),
    health: observed.health,
    generation,
    observedGeneration,
    conditions: [...conditions],
    dependsOn: [...dependsOn],
    parent,
    url,
    path,
    commits: [...commits],
    outcomes: [...outcomes],
    relations: present({
      source,
      dependsOn: [...relatives.dependsOn],
      dependants: [...relatives.dependants],
      children: [...relatives.children],
      chain: [...relatives.chain],
    }),
    windows: windowsOf(deps, object).map(({ name, kind, isOpen, problem }) =>
      present({ name, kind, open: isOpen, problem }),
    ),
  })
}

/** What the cluster itself says of an object. */
export function encodeLook(look: Awaited<ReturnType<typeof lookInto>>): z.infer<typeof schemas.live> {
  if ('error' in look) return { error: { ...look.error } }
  const { readAt, conditions, nodes, omitted, isElsewhere, releases, events, gaps } = look
  return {
    readAt,
    conditions: [...conditions],
    inventory: nodes.map(({ apiVersion, kind, namespace, name, status, message }) => ({
      apiVersion,
      kind,
      namespace,
      name,
      status,
      message,
    })),
    omitted,
    elsewhere: isElsewhere,
    releases: releases.map((one) => ({ ...one, tests: [...one.tests] })),
    events: [...events],
    gaps: [...gaps],
  }
}

/** What one run did to an object. Values are those that records have, redacted there already. */
export function encodeHistory(entry: HistoryEntry): z.infer<typeof schemas.history>['history'][number] {
  const { run, trigger, at, state, revision, reason, message, created, configured, deleted, drifted } = entry
  const { actor, receivedAt, startedAt, renderedAt, appliedAt, changes, changesOmitted } = entry
  return present({
    run,
    trigger,
    at,
    state,
    revision,
    reason,
    message,
    created,
    configured,
    deleted,
    drifted,
    actor,
    receivedAt,
    startedAt,
    renderedAt,
    appliedAt,
    changes: changes.map(({ object, action, drift, note }) =>
      present({
        object,
        action,
        drift: drift?.map(({ path, change, manager, since, live, wanted }) =>
          present({ path, change, manager, writtenAt: since, live, wanted }),
        ),
        note,
      }),
    ),
    changesOmitted,
  })
}

/** What differs of one application. */
export function encodeDrifted({
  cluster,
  id,
  differences,
}: DriftedApplication): z.infer<typeof schemas.driftOverview>['applications'][number] {
  const [kind = '', namespace = '', name = ''] = id.split('/')
  return {
    cluster,
    kind,
    namespace,
    name,
    differences: differences.map(
      ({ object, path, pointer, change, live, wanted, manager, writtenAt, firstSeen, at, count, action }) =>
        present({
          object,
          path,
          pointer,
          change,
          live,
          wanted,
          manager,
          writtenAt,
          firstSeen,
          seenAt: at,
          count,
          action,
        }),
    ),
    rules: ignoreRules(differences).map(({ paths, target }) =>
      present({ paths: [...paths], target: target === undefined ? undefined : { ...target } }),
    ),
  }
}
