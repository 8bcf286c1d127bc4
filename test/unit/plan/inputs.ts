import type { KubeObject } from '../../../src/resources/index.ts'
import {
  planDocument,
  raw,
  type ApplicationInput,
  type ObjectInput,
  type PlanDocument,
  type PlannedObject,
  type Rendered,
} from '../../../src/plan/index.ts'
import { parseYaml } from '../../../src/yaml/index.ts'

/** An object from YAML. */
export function object(yaml: string): KubeObject {
  return parseYaml(yaml, { dialect: 'sigs' }) as KubeObject
}

/** An object as rendered; nothing secret took part unless `open` says what everybody may read. */
export function rendered(yaml: string, open?: string): Rendered {
  return {
    object: raw(object(yaml)),
    open: open === undefined ? 'itself' : raw(object(open)),
    file: 'apps/a.yaml',
    line: 3,
  }
}

/** Sides of an object, as YAML. */
export interface Sides {
  readonly base?: string
  readonly head?: string
  readonly live?: string
  readonly result?: string
  readonly baseResult?: string
  readonly openBase?: string
  readonly openHead?: string
}

export function sides({ base, head, live, result, baseResult, openBase, openHead }: Sides): ObjectInput {
  return {
    ...(base === undefined ? {} : { base: rendered(base, openBase) }),
    ...(head === undefined ? {} : { head: rendered(head, openHead) }),
    ...(live === undefined ? {} : { live: raw(object(live)) }),
    ...(result === undefined ? {} : { result: raw(object(result)) }),
    ...(baseResult === undefined ? {} : { baseResult: raw(object(baseResult)) }),
  }
}

/** An application whose cluster was asked. */
export function application(objects: readonly ObjectInput[], more: Partial<ApplicationInput> = {}): ApplicationInput {
  return {
    cluster: 'main',
    kind: 'Kustomization',
    namespace: 'flux-system',
    name: 'apps',
    state: 'planned',
    prune: true,
    force: false,
    live: 'read',
    hasSecrets: false,
    objects,
    ...more,
  }
}

export function plan(...applications: readonly ApplicationInput[]): PlanDocument {
  return planDocument({
    change: { repository: 'shop/fleet', pullRequest: 7, base: 'a'.repeat(40), head: 'b'.repeat(40) },
    applications,
  })
}

/** The plan of one object; undefined where nothing happens to it. */
export function planOne(given: Sides | ObjectInput, more: Partial<ApplicationInput> = {}): PlannedObject | undefined {
  const input = Object.values(given).some((side) => typeof side === 'string')
    ? sides(given as Sides)
    : (given as ObjectInput)
  return plan(application([input], more)).applications[0]?.objects[0]
}

/** `.spec.replicas change 2->3`, one a difference. */
export function told(planned: PlannedObject | undefined): readonly string[] {
  return (planned?.differences ?? []).map(
    ({ path, origin, before, after, isHidden }) =>
      `${path} ${origin} ${isHidden === true ? 'hidden' : `${before ?? ''}->${after ?? ''}`}`,
  )
}

/** A Deployment with one container. */
export function deployment(replicas: number, image = 'web:1', more = ''): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: ${image}
${more}`
}
