import { objectIdKey, objectIdOf, type KubeObject } from '../resources/index.ts'
import { compareByteOrder } from '../base/index.ts'
import { findDangers, sortDangers } from './dangers/find.ts'
import { defaultSeverities, type Severities } from './dangers/names.ts'
import type { PlanDocument, PlanError, PlannedApplication, PlannedObject, VersionChange } from './document.ts'
import { imageChanges } from './images.ts'
import type { ApplicationInput, ApplicationKey, ChangeInput, ErrorInput, ObjectInput, PlanInput } from './input.ts'
import { compareViews, labelOf, viewObject, type ObjectView } from './object.ts'
import { reveal } from './raw.ts'
import { showMessage, showName } from './redact.ts'
import { say, type Shown } from './shown.ts'

/** An object with where it comes from or goes to. */
interface Placed {
  readonly view: ObjectView
  readonly from?: Shown
  readonly to?: Shown
}

/**
 * The plan of a change: for each application on each cluster what would happen to its objects, what differs in them and why, and what is dangerous about it. Pure; nothing that is secret is in it, and nothing in it
 * tells whether two secrets are equal.
 */
export function planDocument(
  input: PlanInput,
  options: { readonly severities?: Severities; readonly reference?: Shown } = {},
): PlanDocument {
  const chosen = options.severities ?? defaultSeverities
  const applications = [...input.applications].sort((a, b) => compareByteOrder(applicationKey(a), applicationKey(b)))
  const placed = place(applications)
  const clusters = Map.groupBy(applications, ({ cluster }) => cluster)
  const onCluster = new Map(
    [...clusters].map(([cluster, own]) => [
      cluster,
      own.flatMap((one) => (placed.get(one) ?? []).map(({ view }) => view)),
    ]),
  )
  const dangers = applications.flatMap((application) =>
    findDangers(
      {
        application,
        objects: (placed.get(application) ?? []).map(({ view }) => view),
        cluster: onCluster.get(application.cluster) ?? [],
      },
      chosen,
    ),
  )
  return {
    version: 1,
    change: showChange(input.change),
    ...(options.reference === undefined ? {} : { reference: options.reference }),
    dangers: sortDangers(dangers),
    applications: applications.map((application) => planned(application, placed.get(application) ?? [])),
  }
}

/** What is looked at, as it may be shown. */
export function showChange({ repository, pullRequest, base, head }: ChangeInput): PlanDocument['change'] {
  return {
    repository: showName(repository),
    ...(pullRequest === undefined ? {} : { pullRequest }),
    base: showName(base),
    head: showName(head),
  }
}

function applicationKey({ cluster, kind, namespace, name }: ApplicationKey): string {
  return [cluster, kind, namespace, name].join('\0')
}

/** `Kustomization/flux-system/apps`. */
function applicationLabel({ kind, namespace, name }: ApplicationKey): Shown {
  return showName(`${kind}/${namespace}/${name}`)
}

/** The objects of every application, those that move between two of them as moves. */
function place(applications: readonly ApplicationInput[]): ReadonlyMap<ApplicationInput, readonly Placed[]> {
  const leaving = new Map<string, { readonly application: ApplicationInput; readonly input: ObjectInput }>()
  const arriving = new Map<string, ApplicationInput>()
  for (const application of applications)
    for (const input of application.objects) {
      const key = moveKey(application, input)
      if (key === undefined) continue
      if (input.head === undefined) leaving.set(key, { application, input })
      else if (input.base === undefined) arriving.set(key, application)
    }
  return new Map(
    applications.map((application) => [
      application,
      application.objects
        .flatMap((input): readonly Placed[] => {
          const key = moveKey(application, input)
          const left = key === undefined ? undefined : leaving.get(key)
          const arrived = key === undefined ? undefined : arriving.get(key)
          const isMove = left !== undefined && arrived !== undefined && left.application !== arrived
          if (isMove && input.head === undefined) return placeOne(input, application, { to: applicationLabel(arrived) })
          if (isMove && input.base === undefined)
            return placeOne({ ...input, base: left.input.base }, application, {
              from: applicationLabel(left.application),
            })
          return placeOne(input, application, {})
        })
        .sort((a, b) => compareViews(a.view, b.view)),
    ]),
  )
}

/** The same object on the same cluster. */
function moveKey({ cluster, destination = '' }: ApplicationInput, { base, head }: ObjectInput): string | undefined {
  const object: KubeObject | undefined = head === undefined ? base && reveal(base.object) : reveal(head.object)
  return object === undefined ? undefined : `${cluster}\0${destination}\0${objectIdKey(objectIdOf(object))}`
}

function placeOne(
  input: ObjectInput,
  application: ApplicationInput,
  move: { readonly from?: Shown; readonly to?: Shown },
): readonly Placed[] {
  const view = viewObject(input, application)
  if (view === undefined) return []
  const isMove =
    move.to !== undefined || (move.from !== undefined && ['create', 'change', 'unchanged'].includes(view.action))
  return [{ view: isMove ? { ...view, action: 'move', origin: 'change' } : view, ...move }]
}

function planned(application: ApplicationInput, objects: readonly Placed[]): PlannedApplication {
  const { cluster, kind, namespace, name, tenant, reason, live, hasSecrets } = application
  const shown = objects.flatMap(({ view, from, to }): readonly PlannedObject[] =>
    view.action === 'unchanged'
      ? []
      : [
          {
            ...view.planned,
            action: view.action,
            origin: view.origin,
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
          },
        ],
  )
  const errors = [...(application.errors ?? []).map((error) => errorOf(error, hasSecrets)), ...shown.flatMap(refusalOf)]
  const chart = chartOf(application)
  return {
    cluster: showName(cluster),
    kind: showName(kind),
    namespace: showName(namespace),
    name: showName(name),
    ...(tenant === undefined ? {} : { tenant: showName(tenant) }),
    state: stateOf(application, { hasErrors: errors.length > 0, hasEffect: shown.length > 0 || chart !== undefined }),
    ...(reason === undefined ? {} : { reason: showMessage(reason, { isSecret: false, hasSecrets }) }),
    errors,
    live,
    ...(chart === undefined ? {} : { chart }),
    images: imageChanges(objects.map(({ view }) => view)),
    objects: shown,
    unchanged: objects.length - shown.length,
  }
}

function stateOf(
  application: ApplicationInput,
  { hasErrors, hasEffect }: { readonly hasErrors: boolean; readonly hasEffect: boolean },
): PlannedApplication['state'] {
  if (hasErrors || application.state === 'failed') return 'failed'
  if (application.state !== 'planned') return application.state
  if ((application.deadDependencies ?? []).length > 0) return 'blocked'
  if ((application.suspendedParents ?? []).length > 0) return 'held'
  return hasEffect ? 'planned' : 'unaffected'
}

function errorOf({ message, phase, file, line, object }: ErrorInput, hasSecrets: boolean): PlanError {
  return {
    message: showMessage(message, { isSecret: object?.kind === 'Secret', hasSecrets }),
    phase: showName(phase),
    ...(file === undefined ? {} : { file: showName(file) }),
    ...(line === undefined ? {} : { line }),
    ...(object === undefined
      ? {}
      : {
          object: labelOf({
            kind: showName(object.kind),
            namespace: showName(object.namespace),
            name: showName(object.name),
          }),
        }),
  }
}

/** What the API server refuses is an error of the application, at the place where the object is written. */
function refusalOf({ action, ref, note, file, line }: PlannedObject): readonly PlanError[] {
  if (action !== 'refuse') return []
  const message = note ?? say`the API server refuses the object`
  return [
    {
      message,
      phase: say`dry-run`,
      object: labelOf(ref),
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
    },
  ]
}

function chartOf({ chart }: ApplicationInput): VersionChange | undefined {
  const { base, head } = chart ?? {}
  if (base?.name === head?.name && base?.version === head?.version) return undefined
  const name =
    base === undefined || head === undefined || base.name === head.name
      ? (head ?? base)?.name
      : `${base.name} → ${head.name}`
  return {
    name: showName(name ?? ''),
    ...(base === undefined ? {} : { before: showName(base.version) }),
    ...(head === undefined ? {} : { after: showName(head.version) }),
  }
}
