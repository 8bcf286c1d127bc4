import type { BootstrapReport, BootstrapResult, UninstallDeps } from '../../bootstrap/index.ts'
import { createProgress } from '../terminal/progress.ts'
import { styleOf } from '../terminal/style.ts'
import { plainText, type Terminal } from '../terminal/terminal.ts'

/** Details of one step that are told; more are counted. */
const maxDetails = 20

/** Tells a bootstrap: what each step does on stderr, and in a dry run everything that would be written on stdout, as one stream of YAML with the paths as comments. */
export function createBootstrapReport(
  terminal: Terminal,
  isDryRun: boolean,
): BootstrapReport & UninstallDeps['report'] {
  const progress = createProgress(terminal)
  const style = styleOf(terminal.hasColour && terminal.isErrTerminal)
  const tell = (details: readonly string[], sign = style.green('+')): void => {
    for (const line of details.slice(0, maxDetails)) terminal.err(`  ${sign} ${plainText(line)}\n`)
    if (details.length > maxDetails) terminal.err(style.dim(`    and ${details.length - maxDetails} more\n`))
  }
  return {
    begin: progress.begin,
    done: (text, details = []) => {
      progress.done(text)
      tell(details)
    },
    removed: (text, objects) => {
      progress.done(`${objects.length} ${objects.length === 1 ? 'object' : 'objects'} ${text}`)
      tell(objects, style.red('-'))
    },
    found: progress.done,
    nothing: (text) => progress.done(style.dim(`${text}: nothing to do`)),
    wait: progress.wait,
    warn: progress.warn,
    show: (name, text) => {
      if (!isDryRun) return
      const lines = text.trimEnd().split('\n')
      // Definitions are thousands of lines that nobody reads on a screen.
      const isLong = terminal.isOutTerminal && lines.length > 400
      const body = isLong ? `# … ${lines.length} lines; all of them with a pipe: | less` : lines.join('\n')
      terminal.out(`# file: ${name}\n${plainText(body)}\n\n`)
    },
    ended: () => undefined,
  }
}

/** What is left for people when a bootstrap has ended well. */
export function nextSteps(facts: {
  readonly kind: string
  readonly cluster: string
  readonly path: string
  readonly envFile: string
  readonly secretsJson: string | undefined
  readonly hasKubeconfigFlag: string | undefined
  readonly owner: string | undefined
  readonly repository: string | undefined
  readonly hostname: string | undefined
  readonly url: string | undefined
  readonly result: BootstrapResult
  readonly webhookByHand: { readonly url: string; readonly variable: string } | undefined
}): string {
  const { result, cluster, envFile, webhookByHand } = facts
  const lines: string[] = ['']
  lines.push(
    result.isServed
      ? `The cluster '${cluster}' is reconciled from ${facts.path}. Put your manifests there, and push.`
      : `The cluster side of '${cluster}' is in Git and applied. Nothing serves it yet:`,
  )
  if (!result.isServed) {
    lines.push(`  1. start the deployment with ${envFile} (systemd: EnvironmentFile=, docker: --env-file)`)
    if (facts.secretsJson !== undefined) lines.push(`     on Cloudflare: wrangler secret bulk ${facts.secretsJson}`)
    lines.push(
      '  2. run this again with --url and the URL of the deployment: it registers the webhook and checks everything',
    )
  }
  if (webhookByHand !== undefined)
    lines.push(
      '',
      'Register the webhook at the Git server by hand:',
      `  URL           ${webhookByHand.url}`,
      `  content type  application/json`,
      `  secret        ${webhookByHand.variable} in ${envFile}`,
      `  events        push`,
    )
  if (result.hasFluxControllers)
    lines.push(
      '',
      "! Flux's controllers are in this repository and go on. Two must not work on one cluster: hand it over with",
      "  'sluice migrate flux', or set their replicas to 0 in Git with --flux-controllers stop.",
    )
  const forge =
    facts.kind === 'git' || facts.url === undefined
      ? ''
      : ` --forge ${facts.kind} --owner ${facts.owner ?? ''} --repository ${facts.repository ?? ''}${facts.hostname === undefined ? '' : ` --hostname ${facts.hostname}`} --url ${facts.url}`
  lines.push(
    '',
    `To undo it: sluice uninstall${facts.hasKubeconfigFlag === undefined ? '' : ` --kubeconfig ${facts.hasKubeconfigFlag}`}${forge}`,
    `(workloads stay; then remove ${facts.path}/flux-system in Git, and '${cluster}' from CLUSTERS in ${envFile})`,
  )
  return `${lines.map(plainText).join('\n')}\n`
}
