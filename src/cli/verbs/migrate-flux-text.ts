import type { Kustomization } from '../../api/index.ts'
import type { FluxInstallation, FluxSurvey, MappedFlags, Proof, Verification } from '../../migrate/index.ts'
import type { Settings } from '../../reconcile/index.ts'
import type { Style } from '../terminal/style.ts'
import { renderTable } from '../terminal/table.ts'
import { plainText } from '../terminal/terminal.ts'
import { planText } from './plan-text.ts'

/** What was found in a cluster that Flux runs. */
export interface FoundFlux {
  readonly flux: FluxInstallation
  readonly mapped: MappedFlags
  readonly survey: FluxSurvey
  readonly settings: Partial<Settings>
}

/** The controllers, what they serve, and what becomes of their flags. Exported for tests. */
export function surveyText({ flux, mapped, survey }: FoundFlux, style: Style): string {
  const controllers = renderTable(
    [{ title: 'CONTROLLER' }, { title: 'VERSION' }, { title: 'REPLICAS' }, { title: 'WHAT BECOMES OF IT' }],
    flux.controllers.map((one) => [
      one.name,
      one.version,
      one.remembered === undefined ? String(one.replicas) : `${one.replicas} (of ${one.remembered})`,
      one.isServed ? 'Sluice takes its place' : 'it is left running',
    ]),
    { width: undefined, paintTitle: style.bold },
  )
  const kinds = renderTable(
    [{ title: 'KIND' }, { title: 'OBJECTS' }, { title: 'READY' }, { title: 'SUSPENDED' }],
    survey.kinds.map(({ kind, total, ready, suspended }) => [kind, String(total), String(ready), String(suspended)]),
    { width: undefined, paintTitle: style.bold },
  )
  const notes = [
    ...flux.instances.map(({ key }) => `FluxInstance ${key.name}: it is kept disabled while Sluice serves the cluster`),
    ...mapped.notes.map(
      ({ controller, flag, outcome, message }) => `${words[outcome]} ${controller} ${flag}: ${message}`,
    ),
    ...survey.unserved.map(({ kind, count, message }) => `not served: ${count} ${kind}: ${message}`),
    ...survey.crossNamespace.map((line) => `refers to another namespace: ${line}`),
  ]
  const lines = notes.map((line) => `- ${plainText(line)}\n`).join('')
  return `${controllers}\n${kinds}${lines === '' ? '' : `\n${lines}`}`
}

const words = {
  set: 'becomes a setting:',
  unneeded: 'not needed:',
  unsupported: 'NOT SUPPORTED:',
  unknown: 'NOT KNOWN:',
}

/** What a first run would do. Exported for tests. */
export function proofText(proof: Proof, verified: Verification, style: Style): string {
  const { changed, broken, failing, nodes } = proof
  const count = nodes.length - changed.length - broken.length - failing.length
  const head = `${count} of ${nodes.length} Kustomizations and HelmReleases stay as they are (${proof.unchanged} objects compared); ${verificationLine(verified)}\n`
  const part = (title: string, list: Proof['nodes']): string =>
    list.length === 0 ? '' : `\n${style.bold(title)}\n${planText(list, style)}`
  return [
    head,
    ...verified.problems.map((problem) => `- ${plainText(problem)}\n`),
    part('would change:', changed),
    part('are ready, and would fail:', broken),
    part('fail already, and would fail:', failing),
  ].join('')
}

/** What was checked, in one line. */
export function verificationLine({ kustomizations, entries, releases, problems }: Verification): string {
  const counts = `${entries} objects in the inventories of ${kustomizations} Kustomizations, ${releases} Helm releases`
  return problems.length === 0
    ? `${counts}: inventory, field managers and releases are handed over as they are, nothing has to be written`
    : `${counts}: ${problems.length} problems`
}

/** What somebody has to do with their own hands. Exported for tests. */
export function nextSteps(
  found: FoundFlux & { readonly cluster: string; readonly isHandedOver: boolean; readonly isPart: boolean },
): string {
  const { flux, survey, settings, cluster, isHandedOver, isPart } = found
  const steps: string[] = []
  const text = JSON.stringify(settings)
  if (text !== '{}')
    steps.push(
      `Give the deployment these settings, so that it does as Flux did (they hold for all of its clusters):\n  SETTINGS=${text}`,
    )
  steps.push(
    isPart
      ? `Let a deployment with that watchLabelSelector serve the cluster; sources without the label stay Flux's, and are followed.\n  sluice reconcile cluster --cluster ${cluster} --url https://…`
      : `Put the cluster into CLUSTERS of the deployment${isHandedOver ? '' : ' (after the hand-over, not before)'}; its first scan is the first run, or ask for it:\n  sluice reconcile cluster --cluster ${cluster} --url https://…`,
  )
  if (survey.receivers > 0 && !isPart) {
    steps.push(
      `Point the webhooks of ${survey.receivers} Receivers at the URL of the deployment; their paths (.status.webhookPath) stay.`,
    )
  }
  const inGit = flux.controllers.filter((one) => one.isServed && one.appliedBy !== undefined)
  if (!isPart && inGit.length > 0) {
    const owner = inGit[0]?.appliedBy
    steps.push(
      `The controllers come from Git (Kustomization ${owner?.namespace}/${owner?.name}). Their Deployments carry kustomize.toolkit.fluxcd.io/reconcile: disabled, so no run scales them up again. To have Git say it too, add to flux-system/kustomization.yaml:\n${indent(replicaPatch)}`,
    )
  }
  const released = flux.controllers.find((one) => one.isServed && one.releasedBy !== undefined)?.releasedBy
  if (!isPart && released !== undefined) {
    steps.push(
      `The controllers come from HelmRelease ${released.namespace}/${released.name}, whose next upgrade would scale them up again: set their replicas to 0 in its values, or suspend it.`,
    )
  }
  steps.push(
    isPart
      ? 'Back: the same command with --undo.'
      : 'Back: sluice migrate flux --undo. It also suspends the cluster for Sluice; then take it out of CLUSTERS.',
  )
  return steps.map((step, index) => `${index + 1}. ${step}\n`).join('')
}

/** For the repository that brings the controllers. */
const replicaPatch = `patches:
  - target:
      kind: Deployment
      name: (source|kustomize|helm|notification)-controller
    patch: |
      - op: replace
        path: /spec/replicas
        value: 0
`

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}

/** How it went with giving back. Exported for tests. */
export function backText(
  flux: FluxInstallation,
  part: readonly Kustomization[] | undefined,
  { isDone, isNothing }: { readonly isDone: boolean; readonly isNothing: boolean },
): string {
  if (isNothing) return 'nothing was handed over: there is nothing to give back\n'
  const what =
    part === undefined
      ? flux.controllers
          .filter(({ remembered }) => remembered !== undefined)
          .map(({ name, remembered }) => `${name} (${remembered})`)
      : part.map(({ metadata }) => metadata.name)
  return `${isDone ? 'Flux has back' : 'Flux would get back'}: ${what.join(', ')}\n`
}
