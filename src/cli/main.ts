#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import type { Command } from 'commander'

/** The commands; each is loaded only when it is asked for, because loading takes longer than most of them run. */
const COMMANDS: { readonly [name: string]: () => Promise<Command> } = {
  debug: async () => (await import('./debug.ts')).debugCommand(),
  helm: async () => (await import('./helm.ts')).helmCommand(),
  kustomize: async () => (await import('./kustomize.ts')).kustomizeCommand(),
}

// Everything else is imported after this, so that it is compiled, and freed of its types, only once and not at every start.
enableCompileCache()
try {
  const { Command } = await import('commander')
  const program = new Command('sluice').description('GitOps without a controller in the cluster').showHelpAfterError()
  const asked = process.argv[2] ?? ''
  const names = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS)
  for (const name of names) {
    const command = await COMMANDS[name]?.()
    if (command !== undefined) program.addCommand(command)
  }
  await program.parseAsync()
} catch (error) {
  const { reportFailure } = await import('./report-failure.ts')
  process.exitCode = reportFailure(error)
}
