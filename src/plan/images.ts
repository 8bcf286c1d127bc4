import { isMap, type FieldStep, type KubeObject, type KubeValue } from '../resources/index.ts'
import type { ImageChange } from './document.ts'
import type { ObjectView } from './object.ts'
import { say, type Shown } from './shown.ts'
import { showName } from './redact.ts'

const containerLists: ReadonlySet<string> = new Set(['containers', 'initContainers', 'ephemeralContainers'])

/** A container of an object. */
export interface Container {
  /** The place of its list and its name: the same container before and after. */
  readonly key: string
  readonly name: string
  readonly steps: readonly FieldStep[]
  readonly value: KubeObject
}

/** Levels below which no pod template is looked for. */
const maxDepth = 20

/** Every container of every pod template, wherever a kind has it: workloads, CronJobs, and custom resources with a list of containers. */
export function containersOf(object: KubeObject | undefined): readonly Container[] {
  const found: Container[] = []
  const visit = (value: KubeValue | undefined, steps: readonly FieldStep[], key: string): void => {
    if (steps.length > maxDepth) return
    if (Array.isArray(value))
      value.forEach((item, index) => visit(item, [...steps, { item, index }], `${key}[${index}]`))
    if (!isMap(value)) return
    for (const [field, one] of Object.entries(value)) {
      const here = [...steps, { field }]
      if (!containerLists.has(field) || !Array.isArray(one)) {
        visit(one, here, `${key}.${field}`)
        continue
      }
      one.forEach((item, index) => {
        if (!isMap(item)) return
        const name = typeof item['name'] === 'string' ? item['name'] : String(index)
        found.push({ key: `${key}.${field}/${name}`, name, steps: [...here, { item, index }], value: item })
      })
    }
  }
  visit(object, [], '')
  return found
}

/** An image before and after, of one container. */
export interface ContainerImages {
  readonly container: Container
  readonly before?: string
  readonly after?: string
}

/** Containers whose image differs; a new or removed container counts. */
export function imageDifferences(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): readonly ContainerImages[] {
  const was = new Map(containersOf(before).map((container) => [container.key, container]))
  const is = new Map(containersOf(after).map((container) => [container.key, container]))
  const imageOf = (container: Container | undefined): string | undefined => {
    const image = container?.value['image']
    return typeof image === 'string' ? image : undefined
  }
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const container = is.get(key) ?? was.get(key)
    const [old, fresh] = [imageOf(was.get(key)), imageOf(is.get(key))]
    if (container === undefined || old === fresh) return []
    return [
      { container, ...(old === undefined ? {} : { before: old }), ...(fresh === undefined ? {} : { after: fresh }) },
    ]
  })
}

/** The changes of images of one application; containers with the same change are put together. */
export function imageChanges(views: readonly ObjectView[]): readonly ImageChange[] {
  const found = new Map<string, { readonly before?: Shown; readonly after?: Shown; readonly containers: Shown[] }>()
  for (const view of views) {
    // What another application takes over is listed there.
    const isGone = view.action === 'move' && view.after === undefined
    if (isGone || view.action === 'unchanged' || view.action === 'skip' || view.action === 'keep') continue
    for (const { container, before, after } of imageDifferences(view.before, view.after)) {
      const show = (image: string): Shown => view.redaction.value(image, [...container.steps, { field: 'image' }])
      const [old, fresh] = [
        before === undefined ? undefined : show(before),
        after === undefined ? undefined : show(after),
      ]
      if (old === fresh) continue
      const key = JSON.stringify([old, fresh])
      const one = found.get(key) ?? {
        ...(old === undefined ? {} : { before: old }),
        ...(fresh === undefined ? {} : { after: fresh }),
        containers: [],
      }
      const name = view.redaction.isHidden(container.steps) ? say`(hidden)` : showName(container.name)
      one.containers.push(say`${view.label}: ${name}`)
      found.set(key, one)
    }
  }
  return [...found.values()]
}
