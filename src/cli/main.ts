#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import type { Command } from 'commander'

/** The commands; each is loaded only when it is asked for, because loading takes longer than most of them run. */
const COMMANDS: { readonly [name: string]: () => Promise<Command> } = {
  get: async () => (await import('./verbs/get.ts')).getCommand(),
  reconcile: async () => (await import('./verbs/reconcile.ts')).reconcileCommand(),
  suspend: async () => (await import('./verbs/suspend.ts')).suspendCommand(),
  resume: async () => (await import('./verbs/suspend.ts')).resumeCommand(),
  pin: async () => (await import('./verbs/pin.ts')).pinCommand(),
  unpin: async () => (await import('./verbs/pin.ts')).unpinCommand(),
  approve: async () => (await import('./verbs/approve.ts')).approveCommand(),
  retry: async () => (await import('./verbs/retry.ts')).retryCommand(),
  plan: async () => (await import('./verbs/plan.ts')).planCommand(),
  build: async () => (await import('./verbs/build.ts')).buildCommand(),
  diff: async () => (await import('./verbs/diff.ts')).diffCommand(),
  why: async () => (await import('./verbs/why.ts')).whyCommand(),
  tree: async () => (await import('./verbs/tree.ts')).treeCommand(),
  trace: async () => (await import('./verbs/trace.ts')).traceCommand(),
  events: async () => (await import('./verbs/events.ts')).eventsCommand(),
  logs: async () => (await import('./verbs/logs.ts')).logsCommand(),
  status: async () => (await import('./verbs/status.ts')).statusCommand(),
  deliveries: async () => (await import('./verbs/deliveries.ts')).deliveriesCommand(),
  tenant: async () => (await import('./verbs/tenant.ts')).tenantCommand(),
  migrate: async () => (await import('./verbs/migrate.ts')).migrateCommand(),
  bootstrap: async () => (await import('./verbs/bootstrap.ts')).bootstrapCommand(),
  uninstall: async () => (await import('./verbs/uninstall.ts')).uninstallCommand(),
  doctor: async () => (await import('./verbs/doctor.ts')).doctorCommand(),
  issuer: async () => (await import('./verbs/issuer.ts')).issuerCommand(),
  config: async () => (await import('../../functions/node/config-command.ts')).configCommand(),
  debug: async () => (await import('./debug.ts')).debugCommand(),
  helm: async () => (await import('./helm.ts')).helmCommand(),
  kustomize: async () => (await import('./kustomize.ts')).kustomizeCommand(),
}

/** These answer as the tools do that they stand for: 1 for every failure. */
const STAND_INS: readonly string[] = ['helm', 'kustomize', 'debug']

// Everything else is imported after this, so that it is compiled, and freed of its types, only once and not at every start.
enableCompileCache()
const asked = process.argv[2] ?? ''
try {
  const { Command, CommanderError } = await import('commander')
  const { exitCodesHelp } = await import('./exit-codes.ts')
  const program = new Command('sluice')
    .description('GitOps without a controller in the cluster')
    .addHelpText('after', exitCodesHelp)
  const names = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS)
  for (const name of names) {
    const command = await COMMANDS[name]?.()
    if (command !== undefined) program.addCommand(command)
  }
  const prepare = (command: Command): void => {
    command.showHelpAfterError('(--help says what there is)').exitOverride()
    command.commands.forEach(prepare)
  }
  if (!STAND_INS.includes(asked)) prepare(program)
  else program.showHelpAfterError()
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : 2
  }
} catch (error) {
  const { reportFailure } = await import('./report-failure.ts')
  const code = reportFailure(error)
  process.exitCode = STAND_INS.includes(asked) ? 1 : code
}
