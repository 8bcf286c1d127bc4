import { gitUnsupported } from './errors.ts'

/** placeholder until base/semver lands */
export function highestTags(_tags: readonly string[], _range: string): string[] {
  throw gitUnsupported('spec.ref.semver', 'use spec.ref.tag')
}
