import { z } from 'zod'

/** How rendered manifests of plans are given: `true` as files of the API and pages alone. */
export type ManifestRule = true | { readonly branch?: string; readonly author?: ManifestAuthor }

/** Who commits to the branches. */
export interface ManifestAuthor {
  readonly name: string
  readonly email: string
}

/** Nobody: an address that is nobody's by its ending (RFC 2606). */
const defaultAuthor: ManifestAuthor = { name: 'Sluice', email: 'sluice@noreply.invalid' }

const placeOfNumber = '{number}'

const line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}<>]+$/u, 'must be one line without < and >')

/** What `PLANS[].manifests` may be. */
export const manifestsSchema = z.union([
  z.literal(true),
  z.strictObject({
    branch: z
      .string()
      .max(100)
      .refine(isTemplate, {
        message: `must be the name of a branch with a directory and with ${placeOfNumber} once, such as sluice/rendered/${placeOfNumber}; letters, digits, ".", "_", "-" and "/"`,
      })
      .optional(),
    author: z.strictObject({ name: line, email: line }).optional(),
  }),
])

/**
 * Whether a text names one branch for each pull request, and none that people have: it is in a directory of its own, and the number is a whole part of its last name, so that no two numbers have the same branch and none has `main`.
 */
function isTemplate(text: string): boolean {
  const parts = text.split(placeOfNumber)
  if (parts.length !== 2 || !/^[A-Za-z0-9._-]+\//.test(text)) return false
  const [before = '', after = ''] = parts
  // Digits beside it would make the branches of two numbers one.
  if (/\d$/.test(before) || /^\d/.test(after)) return false
  return `${before}1${after}`
    .split('/')
    .every((part) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*$/.test(part) && !/(?:\.|\.lock)$/.test(part))
}

/** The branch of a pull request; undefined where none is asked for. */
export function manifestBranchOf(rule: ManifestRule | undefined, number: number): string | undefined {
  const template = rule === undefined || rule === true ? undefined : rule.branch
  return template?.replace(placeOfNumber, String(number))
}

/** Whether a branch is one of those that are written for pull requests, of whatever number. */
export function isManifestBranch(rule: ManifestRule | undefined, branch: string): boolean {
  const template = rule === undefined || rule === true ? undefined : rule.branch
  const [before, after] = template?.split(placeOfNumber) ?? []
  if (before === undefined || after === undefined) return false
  if (!branch.startsWith(before) || !branch.endsWith(after)) return false
  return /^[1-9]\d*$/.test(branch.slice(before.length, branch.length - after.length))
}

/** Who commits. */
export function manifestAuthorOf(rule: ManifestRule | undefined): ManifestAuthor {
  return (rule === undefined || rule === true ? undefined : rule.author) ?? defaultAuthor
}
