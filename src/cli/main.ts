#!/usr/bin/env node
import { Command } from 'commander'
import { helmCommand } from './helm.ts'
import { kustomizeCommand } from './kustomize.ts'
import { reportFailure } from './report-failure.ts'

const program = new Command('sluice')
  .description('GitOps without a controller in the cluster')
  .showHelpAfterError()
  .addCommand(helmCommand())
  .addCommand(kustomizeCommand())

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
