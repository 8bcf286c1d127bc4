import { EngineError } from '../base/index.ts'
import type { PlanDocument, PlannedApplication, PlannedObject } from './document.ts'

/** Fields and objects of one application that are kept, step by step until the plan fits. */
const steps: readonly { readonly differences: number; readonly objects: number; readonly containers: number }[] = [
  { differences: 50, objects: 2000, containers: 100 },
  { differences: 10, objects: 1000, containers: 20 },
  { differences: 2, objects: 500, containers: 5 },
  { differences: 0, objects: 200, containers: 1 },
  { differences: 0, objects: 50, containers: 1 },
  { differences: 0, objects: 5, containers: 1 },
]

/**
 * A plan of at most so many bytes as JSON. Of what there is too much it keeps the first, and counts the others: fields of an object (`omitted`), objects of an application (`omittedObjects`), applications to which
 * nothing happens (`omitted` of the plan). Dangers and errors stay, all of them.
 *
 * @throws EngineError `plan-too-large` where not even these fit.
 */
export function boundPlan(plan: PlanDocument, maxBytes: number): PlanDocument {
  if (sizeOf(plan) <= maxBytes) return plan
  const kept = plan.applications.filter((one) => one.state !== 'unaffected' || one.objects.length > 0)
  const omitted = (plan.omitted ?? 0) + plan.applications.length - kept.length
  const base = { ...plan, ...(omitted === 0 ? {} : { omitted }) }
  for (const step of [undefined, ...steps]) {
    const applications = step === undefined ? kept : kept.map((one) => cutApplication(one, step))
    const cut = { ...base, applications }
    if (sizeOf(cut) <= maxBytes) return cut
  }
  throw new EngineError('the plan has more dangers and errors than can be kept; split the change', {
    code: 'plan-too-large',
  })
}

function sizeOf(plan: PlanDocument): number {
  const text = JSON.stringify(plan)
  return new TextEncoder().encode(text).length
}

function cutApplication(application: PlannedApplication, step: (typeof steps)[number]): PlannedApplication {
  const { objects, images, omittedObjects = 0 } = application
  const left = objects.length - step.objects
  return {
    ...application,
    images: images
      .slice(0, step.objects)
      .map((image) => ({ ...image, containers: image.containers.slice(0, step.containers) })),
    objects: objects.slice(0, step.objects).map((object) => cutObject(object, step.differences)),
    ...(left <= 0 && omittedObjects === 0 ? {} : { omittedObjects: omittedObjects + Math.max(0, left) }),
  }
}

function cutObject(object: PlannedObject, differences: number): PlannedObject {
  const left = object.differences.length - differences
  if (left <= 0) return object
  return { ...object, differences: object.differences.slice(0, differences), omitted: object.omitted + left }
}
