import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { allowList, type Exception } from './allow-list.ts'
import { checkCycles } from './rules/cycles.ts'
import { checkLayers } from './rules/layers.ts'
import { checkModuleState } from './rules/module-state.ts'
import { checkNaming } from './rules/naming.ts'
import { checkPurity } from './rules/purity.ts'
import { checkSizes } from './rules/sizes.ts'
import { checkVendors } from './rules/vendors.ts'
import { readSource, type SourceFile, type Violation } from './source-file.ts'

const rules = [checkLayers, checkCycles, checkVendors, checkPurity, checkModuleState, checkSizes, checkNaming] as const

/** Everything in `files` that breaks a rule and is not excepted, and every exception that excepts nothing. */
export function checkArchitecture(
  files: readonly SourceFile[],
  exceptions: readonly Exception[] = allowList,
): readonly Violation[] {
  const found = rules.flatMap((rule) => rule(files))
  const isExcepted = (violation: Violation): boolean =>
    exceptions.some((exception) => exception.rule === violation.rule && exception.path === violation.path)
  const unused = exceptions
    .filter(
      (exception) => !found.some((violation) => violation.rule === exception.rule && violation.path === exception.path),
    )
    .map(({ rule, path }) => ({
      rule: 'allow-list',
      path,
      line: 1,
      message: `the exception from '${rule}' is not needed any more; remove it`,
    }))
  return [...found.filter((violation) => !isExcepted(violation)), ...unused]
}

/** The project's own source files. */
export function projectFiles(): readonly SourceFile[] {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  return globSync(['{src,functions,infra,test}/**/*.{ts,tsx}'], { cwd: root })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !/^test\/(?:fixtures|golden)\/|\/node_modules\//.test(path))
    .sort()
    .map((path) => readSource(path, readFileSync(join(root, path), 'utf8')))
}

/** One line per violation, as compilers print them. */
export function formatViolation({ path, line, rule, message }: Violation): string {
  return `${path}:${line}: ${rule}: ${message}`
}
