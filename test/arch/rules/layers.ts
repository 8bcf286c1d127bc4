import { resolveImport, type SourceFile, type Violation } from '../source-file.ts'

/** Folders of src by layer, lowest first. A file imports from lower layers only; ports, which are types only, from anywhere above. */
export const layers: readonly (readonly string[])[] = [
  ['base'],
  ['ports', 'api', 'yaml', 'template', 'cel'],
  ['files', 'resources', 'sprig', 'cloud', 'identity'],
  ['kustomize', 'helm', 'sources', 'secrets', 'kube', 'receivers', 'notify', 'tenancy', 'forges', 'plan'],
  ['reconcile', 'bootstrap'],
  ['coordinator'],
  ['observe', 'migrate'],
  ['ui', 'platforms'],
  ['cli'],
]

/** Folders whose output depends on their arguments alone. */
export const pureZone: readonly string[] = [
  'base',
  'api',
  'yaml',
  'template',
  'cel',
  'files',
  'resources',
  'sprig',
  'kustomize',
  'helm',
  'tenancy',
  'plan',
]

/** The folder of a file: `src/<name>`, where each platform is one of its own; `functions`; undefined elsewhere. */
export function folderOf(path: string): string | undefined {
  const [top, name, platform, ...rest] = path.split('/')
  if (top === 'functions') return 'functions'
  if (top !== 'src' || name === undefined || platform === undefined) return undefined
  return name === 'platforms' && rest.length > 0 ? `platforms/${platform}` : name
}

function layerOf(folder: string): number {
  if (folder === 'functions') return layers.length
  const name = folder.split('/')[0] ?? ''
  return layers.findIndex((folders) => folders.includes(name))
}

const mayImportPlatforms = /^(?:functions\/(?:cloudflare|node)(?:\.ts$|\/)|src\/cli\/)/

/** Imports go down, through the other folder's index.ts; platforms are reached from the composition roots only; src reaches nothing outside src. */
export function checkLayers(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const folder = folderOf(file.path)
    if (folder === undefined) return []
    const own = layerOf(folder)
    if (own === -1)
      return [violation(file, 1, `the folder '${folder}' has no layer; add it to test/arch/rules/layers.ts`)]
    return file.imports.flatMap(({ specifier, line, typeOnly }) => {
      const target = resolveImport(file.path, specifier)
      if (target === undefined) return []
      const other = folderOf(target)
      if (other === undefined) return [violation(file, line, `imports ${target}, which is not part of src`)]
      // What several platforms share lies beside them.
      if (other === folder || (other === 'platforms' && folder.startsWith('platforms/'))) return []
      const found: Violation[] = []
      if (other !== 'functions' && !target.endsWith(`/${other}/index.ts`)) {
        found.push(violation(file, line, `imports ${target}; go through src/${other}/index.ts`))
      }
      if (layerOf(other) >= own)
        found.push(violation(file, line, `'${folder}' must not import '${other}', which is not below it`))
      if (other === 'ports' && !typeOnly)
        found.push(violation(file, line, "imports of 'ports' are types: write `import type`"))
      if (other.startsWith('platforms') && !mayImportPlatforms.test(file.path)) {
        found.push(violation(file, line, 'only functions/cloudflare, functions/node and src/cli import platforms'))
      }
      return found
    })
  })
}

function violation(file: SourceFile, line: number, message: string): Violation {
  return { rule: 'layers', path: file.path, line, message }
}
