import type { SourceFile, Violation } from '../source-file.ts'

interface VendorRule {
  /** The module, or the start of it where it ends with ':'. */
  readonly module: string
  readonly allowed: RegExp
  /** Where more than types may be imported; default: everywhere allowed. */
  readonly values?: RegExp
  readonly place: string
}

/** Who may import what from outside. */
const vendorRules: readonly VendorRule[] = [
  {
    module: 'node:',
    allowed: /^(?:src\/platforms\/node\/|src\/cli\/|functions\/node(?:\.ts$|\/)|infra\/gen\/|test\/)/,
    place: 'src/platforms/node, functions/node, src/cli, infra/gen and test',
  },
  {
    module: 'cloudflare:',
    allowed: /^(?:src\/platforms\/cloudflare\/|functions\/cloudflare(?:\.ts$|\/)|test\/)/,
    place: 'src/platforms/cloudflare and functions/cloudflare',
  },
  { module: '@marcbachmann/cel-js', allowed: /^src\/cel\//, place: 'src/cel' },
  { module: 'js-yaml', allowed: /^src\/yaml\//, place: 'src/yaml' },
  { module: 'yaml', allowed: /^src\/yaml\//, place: 'src/yaml' },
  { module: 'isomorphic-git', allowed: /^src\/sources\/git\//, place: 'src/sources/git' },
  {
    module: 'openpgp',
    allowed: /^src\/(?:secrets|sources\/(?:git|verify))\//,
    place: 'src/secrets, src/sources/git and src/sources/verify',
  },
  { module: '@sigstore', allowed: /^src\/sources\/verify\//, place: 'src/sources/verify' },
  { module: 'pkijs', allowed: /^src\/sources\/verify\//, place: 'src/sources/verify' },
  { module: 'cborg', allowed: /^src\/sources\/verify\//, place: 'src/sources/verify' },
  { module: 'ssh2', allowed: /^src\/platforms\/node\//, place: 'src/platforms/node' },
  { module: 'socks', allowed: /^src\/platforms\/node\//, place: 'src/platforms/node' },
  {
    module: '@kubernetes/client-node',
    allowed: /^src\/(?:kube|platforms\/node)\//,
    values: /^src\/platforms\/node\//,
    place: 'src/kube (types only) and src/platforms/node',
  },
  { module: '@octokit/webhooks', allowed: /^src\/receivers\//, place: 'src/receivers' },
  { module: 'age-encryption', allowed: /^src\/secrets\//, place: 'src/secrets' },
  { module: 'aws4fetch', allowed: /^src\/cloud\//, place: 'src/cloud' },
  { module: 'hono', allowed: /^(?:functions|src\/ui)\//, place: 'functions and src/ui' },
]

/** Each library has one folder that knows it, so that it can be replaced there. Tests and the generator may use what they want, except where a rule names them. */
export function checkVendors(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) =>
    file.imports.flatMap(({ specifier, typeOnly, line }) => {
      const rule = vendorRules.find(({ module }) =>
        module.endsWith(':')
          ? specifier.startsWith(module)
          : specifier === module || specifier.startsWith(`${module}/`),
      )
      const isChecked = /^(?:src|functions)\//.test(file.path)
      if (rule === undefined || !isChecked) return []
      if (!rule.allowed.test(file.path)) {
        return [{ rule: 'vendors', path: file.path, line, message: `imports '${specifier}'; only ${rule.place} may` }]
      }
      if (rule.values === undefined || typeOnly || rule.values.test(file.path)) return []
      return [
        {
          rule: 'vendors',
          path: file.path,
          line,
          message: `imports more than types of '${specifier}'; write \`import type\``,
        },
      ]
    }),
  )
}
