import type { RenderEnvironment } from '../../helm/index.ts'
import type { Form } from './placeholders.ts'
import type { NotedPlaceholders } from './side-options.ts'

/** The time that templates see. It is no time of anybody's, so that a rendering is the same whenever it is made; and what shows it differs from form to form, as what is random does. */
const timeOf: { readonly [form in Form]: number } = {
  applied: Date.UTC(2020, 0, 1),
  open: Date.UTC(2001, 1, 3, 4, 5, 6),
  twin: Date.UTC(2002, 2, 4, 5, 6, 7),
}

/**
 * Random bytes and a time for the renderings of a release that are compared: the same for both commits and after the merge, so that nothing seems to change that does not. What is really applied has others.
 *
 * @param id `HelmRelease/namespace/name`.
 */
export function fixedEnvironment(form: Form, id: string, placeholders: NotedPlaceholders): RenderEnvironment {
  return {
    now: () => {
      placeholders.note()
      return timeOf[form]
    },
    randomBytes: placeholders.random(['random', id]),
  }
}
