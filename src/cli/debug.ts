import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Command, Option } from 'commander'
import type { HelmRelease } from '../api/index.ts'
import { EngineError } from '../base/index.ts'
import { createClusterCache, createKubeClient, type KubeClient } from '../kube/index.ts'
import { createKubeconfigTransport, createJsonLogger, systemClock, systemRandom } from '../platforms/node/index.ts'
import { explainReleaseValues, type ExplainedValue } from '../reconcile/index.ts'
import { printJson } from '../yaml/index.ts'

interface DebugFlags {
  readonly namespace: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly output: 'text' | 'json'
}

const requestTimeoutMs = 30_000
/** What stands in place of a value that comes from a Secret. */
const redacted = '**redacted**'

/** `debug helmrelease NAME`: the values that a HelmRelease of a cluster gives to its chart, and where each comes from. */
export function debugCommand(): Command {
  const release = new Command('helmrelease')
    .alias('hr')
    .description(
      'print the values a HelmRelease gives to its chart, each with where it comes from; those of Secrets are redacted',
    )
    .argument('<name>', 'name of the HelmRelease')
    .option('-n, --namespace <namespace>', 'its namespace', 'flux-system')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, else ~/.kube/config')
    .option('--context <name>', "default: the kubeconfig's current context")
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .action(async (name: string, flags: DebugFlags) => {
      process.stdout.write(await debugHelmRelease(name, flags))
    })
  return new Command('debug').description('look into what a cluster has').addCommand(release)
}

async function debugHelmRelease(name: string, flags: DebugFlags): Promise<string> {
  const path = flags.kubeconfig ?? process.env['KUBECONFIG']?.split(delimiter)[0] ?? join(homedir(), '.kube', 'config')
  const transport = await createKubeconfigTransport({
    cluster: 'kubeconfig',
    path,
    ...(flags.context === undefined ? {} : { context: flags.context }),
  })
  try {
    const client = createKubeClient({
      transport,
      clock: systemClock,
      random: systemRandom,
      logger: createJsonLogger({ level: 'warn', write: (line) => void process.stderr.write(line) }),
      cache: createClusterCache(),
      requestTimeoutMs,
    })
    const object = await readRelease(client, flags.namespace, name)
    const values = await explainReleaseValues(client, object, AbortSignal.timeout(requestTimeoutMs))
    return flags.output === 'json' ? formatJson(values) : formatText(values)
  } finally {
    transport.close()
  }
}

async function readRelease(client: KubeClient, namespace: string, name: string): Promise<HelmRelease> {
  const key = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace, name }
  const object = await client.get<HelmRelease>(key, {})
  if (object !== undefined) return object
  throw new EngineError(`HelmRelease '${namespace}/${name}' was not found; name its namespace with --namespace`, {
    code: 'not-found',
    disposition: 'wait',
  })
}

/** `path: value  # where it comes from`, one line each, origins in a column. */
function formatText(values: readonly ExplainedValue[]): string {
  if (values.length === 0) return "the HelmRelease gives no values; the chart's own are in force\n"
  const lines = values.map(({ path, value, from }): [string, string] => [
    `${path}: ${value === undefined ? redacted : printJson(value, { escapeHtml: false })}`,
    from,
  ])
  const width = Math.min(60, Math.max(...lines.map(([text]) => text.length)))
  return lines.map(([text, from]) => `${text.padEnd(width)}  # ${from}\n`).join('')
}

function formatJson(values: readonly ExplainedValue[]): string {
  const list = values.map(({ path, value, from }) =>
    value === undefined ? { path, from, redacted: true } : { path, value, from },
  )
  return `${printJson(list, { escapeHtml: false, indent: 2 })}\n`
}
