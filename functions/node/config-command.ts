import { Command, Option } from 'commander'
import type { Diagnostic } from '../../src/base/index.ts'
import { createTerminal, exitCodes, outputFormats, printAnswer, type OutputFormat } from '../../src/cli/index.ts'
import { checkConfig, redactedConfig, type CheckedConfig, type ConfigPlatform } from './check-config.ts'
import { readEnvFile } from './env-file.ts'

interface CheckFlags {
  readonly envFile?: string
  readonly platform: ConfigPlatform
  readonly output?: OutputFormat
}

/** `config check`: what is wrong with the configuration of a deployment, before it is deployed; else what it comes to, without its secrets. */
export function configCommand(): Command {
  const check = new Command('check')
    .description('read the configuration of a deployment as it would: every error by its name, or what it comes to')
    .option('--env-file <file>', 'file with lines of NAME=value; default: the environment')
    .addOption(
      new Option('--platform <platform>', 'where it is meant for').choices(['node', 'cloudflare']).default('node'),
    )
    .addOption(
      new Option('-o, --output <format>', 'default: table on a terminal, json elsewhere').choices([...outputFormats]),
    )
    .action((flags: CheckFlags) => runCheck(flags))
  return new Command('config').description('the configuration of a deployment').addCommand(check)
}

function runCheck({ envFile, platform, output }: CheckFlags): void {
  const checked = checkConfig(envFile === undefined ? process.env : readEnvFile(envFile), platform)
  // In an environment almost everything is meant for others.
  const shown = envFile === undefined ? { ...checked, warnings: [] } : checked
  printAnswer(createTerminal(process, process.env), output, {
    data: dataOf(shown),
    names: shown.errors.map(({ field = '' }) => field),
    text: (style) => {
      const lines = [
        ...shown.errors.map((one) => `${style.red('✗')} ${lineOf(one)}`),
        ...shown.warnings.map((one) => `${style.yellow('!')} ${lineOf(one)}`),
      ]
      if (shown.config === undefined) return `${[...lines, `${shown.errors.length} errors`].join('\n')}\n`
      const settings = shown.settings.map(({ name, value, isSecret }) => `  ${name}=${isSecret ? '***' : value}`)
      return `${[...lines, `${style.green('✔')} the configuration is complete`, ...settings].join('\n')}\n`
    },
  })
  if (checked.errors.length > 0) process.exitCode = exitCodes.negative
}

function lineOf({ field, message }: Diagnostic): string {
  return field === undefined ? message : `${field}: ${message}`
}

function dataOf(checked: CheckedConfig): object {
  const plain = ({ field, message }: Diagnostic): object => ({ name: field, message })
  return {
    valid: checked.errors.length === 0,
    errors: checked.errors.map(plain),
    warnings: checked.warnings.map(plain),
    settings: checked.settings.map(({ name, value, isSecret }) => ({
      name,
      ...(isSecret ? { secret: true } : { value }),
    })),
    ...(checked.config === undefined ? {} : { config: redactedConfig(checked) }),
  }
}
