import { Command, Option } from 'commander'
import { defaultSettings } from '../../reconcile/index.ts'
import { addTargetFlags } from '../target/flags.ts'
import { runMigrateFlux, type MigrateFluxFlags } from './migrate-flux.ts'
import { runMigrateHelm, type MigrateHelmFlags } from './migrate-helm.ts'
import { runMigrateKubectl, type MigrateKubectlFlags } from './migrate-kubectl.ts'

/** `migrate flux|kubectl|helm`: takes over what others run, without one workload changing. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('take over what others run, without one workload changing, and give it back')
    .addCommand(fluxCommand())
    .addCommand(kubectlCommand())
    .addCommand(helmCommand())
}

function fluxCommand(): Command {
  const command = new Command('flux')
    .description(
      'take a cluster over from the controllers of Flux: proves by dry-run that nothing would change, then stops them; --undo brings them back',
    )
    .option('--dry-run', 'look and prove, and hand nothing over')
    .option('--accept-changes', 'go on although the first run would change something')
    .option('--undo', 'give the cluster, or the part of it, back to Flux')
    .option('--kustomization <name...>', 'hand over these Kustomizations alone; Flux keeps the rest')
    .option('--path <directory>', 'hand over the Kustomizations whose spec.path is this directory or below it')
    .addOption(
      new Option('--shard <name>', 'the value of the label sharding.fluxcd.io/key of a part').default('sluice'),
    )
    .option('--sluice-stopped', 'with --undo: no deployment serves the cluster any more, so its switch is left alone')
    .option(
      '--hold-namespace <namespace>',
      'namespace of the switch (sluice suspend cluster)',
      defaultSettings.holdNamespace,
    )
    .option('--allow-cross-namespace-refs', 'as a deployment that allows them, although the flags of Flux do not')
    .option('--allow-remote-bases', 'as a deployment that allows them, although the flags of Flux do not')
    .action(async (flags: MigrateFluxFlags) => runMigrateFlux(flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

function kubectlCommand(): Command {
  const command = new Command('kubectl')
    .description(
      'write manifests of objects that nobody has in Git, and prove by dry-run that applying them changes nothing but who owns the fields',
    )
    .requiredOption('--out <directory>', 'where the manifests and their kustomization.yaml are written')
    .option('-l, --selector <labels>', 'objects with these labels alone')
    .option('--kind <kind...>', 'objects of these kinds alone')
    .option('-f, --filename <file...>', 'the objects that these manifests name, of any namespace or none')
    .option('--name <name>', 'name of the Kustomization that is to own them; default: the namespace')
    .option('--flux-namespace <namespace>', 'its namespace', 'flux-system')
    .option('--source <source>', 'its source', 'GitRepository/flux-system')
    .option('--path <path>', 'its spec.path: where the directory is in the repository; default: the directory')
    .option('--include-secrets', 'write Secrets too, in the clear')
    .option('--force', 'write into a directory that is not empty')
    .action(async (flags: MigrateKubectlFlags) => runMigrateKubectl(flags))
  return addTargetFlags(command, { cluster: true, output: true })
}

function helmCommand(): Command {
  const command = new Command('helm')
    .description('print HelmReleases of releases that helm has installed, and say what their first run would do')
    .argument('[release...]', 'names of releases; default: all in the namespace that no HelmRelease manages')
    .option('--repo <url>', 'URL of the chart repository: https://…, or oci://…')
    .option(
      '--oci-repository',
      'with an oci:// URL: an OCIRepository in place of a HelmRepository; its first run is an upgrade',
    )
    .option('--source <source>', 'a source of the charts that is there: GitRepository/app, HelmRepository/charts')
    .option('--chart <chart>', 'with --source: name or path of the chart in it; default: the name of the chart')
    .option(
      '--adopt',
      'make source and HelmRelease in the cluster, with the release in its history: nothing is upgraded',
    )
    .option('--include-secrets', 'leave values that look secret where they are')
    .option('--secrets-out <file>', 'write Secrets with those values into a file, to be applied or encrypted')
    .option('--allow-cross-namespace-refs', 'as a deployment that allows them')
    .action(async (names: string[], flags: MigrateHelmFlags) => runMigrateHelm(names, flags))
  return addTargetFlags(command, { cluster: true, output: true })
}
