import { z } from 'zod'
import { isEngineError, toEngineError } from '../../src/base/index.ts'
import type { PullRequests } from '../../src/forges/index.ts'
import { severities, type Severity } from '../../src/plan/index.ts'
import { ignoredPaths } from '../../src/sources/index.ts'
import { parseYaml } from '../../src/yaml/index.ts'
import { severityProblems, type PlanRule } from './config.ts'

/** Where a repository says how its pull requests are judged. */
export const repositoryConfigPath = '.sluice/plan.yaml'

const maxBytes = 64 * 1024

const schema = z.strictObject({
  severities: z.record(z.string(), z.enum(severities)).optional(),
  ignore: z.array(z.string().max(500)).max(200).optional(),
})

/** What judges a pull request. */
export interface Judgement {
  readonly severities: { readonly [rule: string]: Severity }
  /** Lines of an ignore file: a pull request with nothing but such files is not planned. */
  readonly ignore: readonly string[]
  /** What is wrong with the file. The rule's own configuration counts then. */
  readonly problems: readonly string[]
}

/**
 * What the repository says on its base branch, read at one commit of it: what a pull request itself changes there does not judge it. Severities that the rule of the deployment names stay as they are there.
 *
 * @throws EngineError of the forge.
 */
export async function readJudgement(
  pulls: Pick<PullRequests, 'readBranch' | 'readFile'>,
  branch: string,
  rule: PlanRule,
): Promise<Judgement> {
  const own = rule.severities ?? {}
  const commit = await pulls.readBranch(branch)
  if (commit === undefined)
    return { severities: own, ignore: [], problems: ['the base branch does not exist any more'] }
  try {
    const bytes = await pulls.readFile(repositoryConfigPath, commit)
    return bytes === undefined ? { severities: own, ignore: [], problems: [] } : judgementOf(bytes, own)
  } catch (caught) {
    if (!isEngineError(caught) || caught.code !== 'forge-file') throw caught
    return { severities: own, ignore: [], problems: [`${repositoryConfigPath} is no file that can be read`] }
  }
}

/** Reads the content of the file. */
export function judgementOf(bytes: Uint8Array, own: NonNullable<PlanRule['severities']>): Judgement {
  const wrong = (...problems: readonly string[]): Judgement => ({ severities: own, ignore: [], problems })
  if (bytes.length > maxBytes) return wrong(`${repositoryConfigPath} is larger than ${maxBytes} bytes`)
  let value: unknown
  try {
    // In the other dialect the severity `off` is the boolean.
    value = parseYaml(bytes, { dialect: 'kyaml', strict: true }) ?? {}
  } catch (caught) {
    // The message may quote the text; where it is wrong is enough.
    return wrong(`${repositoryConfigPath} is no YAML (${toEngineError(caught).code})`)
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const fields = parsed.error.issues.slice(0, 5).map(({ path }) => path.join('.') || 'the file itself')
    return wrong(`${repositoryConfigPath} may hold severities and ignore (wrong: ${fields.join(', ')})`)
  }
  const { severities: given = {}, ignore = [] } = parsed.data
  const problems = severityProblems(given)
  if (problems.length > 0) return wrong(...problems.map((problem) => `${repositoryConfigPath}: ${problem}`))
  return { severities: { ...given, ...own }, ignore, problems: [] }
}

/** Whether a pull request has nothing but files that are left out. A list that is not whole may have others. */
export async function hasOnlyIgnored(
  pulls: Pick<PullRequests, 'listFiles'>,
  number: number,
  ignore: readonly string[],
): Promise<boolean> {
  if (ignore.length === 0) return false
  const { files, isComplete } = await pulls.listFiles(number)
  if (!isComplete || files.length === 0) return false
  const isIgnored = ignoredPaths(ignore)
  return files.every(
    ({ path, previousPath }) => isIgnored(path) && (previousPath === undefined || isIgnored(previousPath)),
  )
}
