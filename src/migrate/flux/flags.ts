import { defaultSettings, type Settings } from '../../reconcile/index.ts'
import type { Controller } from './controllers.ts'

/** What becomes of one flag or feature gate of a controller. `set`: there is a setting for it. */
export interface FlagNote {
  readonly controller: string
  readonly flag: string
  readonly outcome: 'set' | 'unneeded' | 'unsupported' | 'unknown'
  readonly message: string
}

/** The flags of all controllers in Sluice's words. */
export interface MappedFlags {
  /** What differs from Sluice's defaults: for `SETTINGS`. */
  readonly settings: Partial<Settings>
  /** Flags that are worth a word; those that only tune the controllers' processes are not among them. */
  readonly notes: readonly FlagNote[]
  /** Which of Flux's ways are stricter in Sluice unless it is told otherwise: the flags are not set. */
  readonly relaxed: { readonly crossNamespaceRefs: boolean; readonly remoteBases: boolean }
}

type Edit = { -readonly [K in keyof Settings]?: Settings[K] }
type Rule = (value: string, edit: Edit, controller: Controller) => Omit<FlagNote, 'controller' | 'flag'> | undefined

const unneeded =
  (message: string): Rule =>
  () => ({ outcome: 'unneeded', message })
const unsupported =
  (message: string): Rule =>
  (value) =>
    value === 'false' ? undefined : { outcome: 'unsupported', message }
const text =
  (name: 'defaultServiceAccount' | 'defaultKubeConfigServiceAccount' | 'defaultDecryptionServiceAccount'): Rule =>
  (value, edit, { component }) => {
    if (value === '') return undefined
    // There it is the account that logs in at clouds.
    if (name === 'defaultServiceAccount' && !/^(?:kustomize|helm)-/.test(component))
      return { outcome: 'unsupported', message: 'name the service account on the sources and Providers themselves' }
    if (edit[name] !== undefined && edit[name] !== value)
      return {
        outcome: 'unsupported',
        message: `another controller has '${edit[name]}'; Sluice has one for all: name it on the objects`,
      }
    edit[name] = value
    return { outcome: 'set', message: `${name}: ${value}` }
  }
const list =
  (name: 'overrideManagers' | 'customApplyStageKinds'): Rule =>
  (value, edit) => {
    const values = value.split(',').filter((one) => one !== '')
    edit[name] = [...new Set([...(edit[name] ?? []), ...values])]
    return { outcome: 'set', message: `${name}: ${values.join(', ')}` }
  }

/** Flags that change what happens to objects, by their names. Everything else tunes a process that is not there any more. */
const rules: { readonly [flag: string]: Rule } = {
  'default-service-account': text('defaultServiceAccount'),
  'default-kubeconfig-service-account': text('defaultKubeConfigServiceAccount'),
  'default-decryption-service-account': text('defaultDecryptionServiceAccount'),
  'override-manager': list('overrideManagers'),
  'custom-apply-stage-kinds': list('customApplyStageKinds'),
  'sops-age-secret': (value, edit, { namespace }) => {
    edit.sopsAgeSecret = value.includes('/') ? value : `${namespace}/${value}`
    return { outcome: 'set', message: `sopsAgeSecret: ${edit.sopsAgeSecret}` }
  },
  'sops-vault-configmap': (value) => ({
    outcome: 'unsupported',
    message: `write the Vaults of ConfigMap ${value} into the setting sopsVaults ({"address", "loginPath"})`,
  }),
  'watch-all-namespaces': (value, edit, { namespace }) => {
    if (value !== 'false') return undefined
    edit.namespaces = [...new Set([...(edit.namespaces ?? []), namespace])]
    return { outcome: 'set', message: `namespaces: ${namespace}` }
  },
  'watch-configs-label-selector': (value, edit) => {
    edit.watchConfigsSelector = value
    return { outcome: 'set', message: `watchConfigsSelector: ${value}` }
  },
  'interval-jitter-percentage': (value, edit) => {
    const percent = Number(value)
    if (!Number.isInteger(percent) || percent < 0) return { outcome: 'unknown', message: 'it is no percentage' }
    edit.intervalJitterPercent = Math.min(percent, 50)
    return { outcome: 'set', message: `intervalJitterPercent: ${edit.intervalJitterPercent}` }
  },
  'insecure-kubeconfig-exec': unsupported(
    'kubeconfigs of objects never run programs: give them a token or a certificate',
  ),
  'insecure-kubeconfig-tls': unsupported('certificates of clusters that objects name are always verified: add the CA'),
  'ssh-kex-algos': unsupported('the algorithms of SSH cannot be chosen'),
  'ssh-hostkey-algos': unsupported('the algorithms of SSH cannot be chosen'),
  'insecure-allow-http': (value) =>
    value === 'false'
      ? { outcome: 'unsupported', message: 'plain http of sources is not forbidden by Sluice' }
      : undefined,
  'rate-limit-interval': unneeded('notifications of one run are grouped, not suppressed'),
}

/** Feature gates: what they are on for, and whether Sluice does it. */
const gates: { readonly [gate: string]: { readonly on: Rule; readonly off?: Rule } } = {
  StrictPostBuildSubstitutions: {
    on: unneeded('undefined variables are errors by default'),
    off: (_, edit) => {
      edit.strictSubstitution = false
      return { outcome: 'set', message: 'strictSubstitution: false' }
    },
  },
  ObjectLevelWorkloadIdentity: { on: unneeded('service accounts of objects log in at clouds by default') },
  ExternalArtifact: { on: unneeded('ExternalArtifacts are served by default') },
  CancelHealthCheckOnNewRevision: { on: unneeded('a newer commit always ends the wait for health') },
  CacheSecretsAndConfigMaps: { on: unneeded('there is no cache in the cluster') },
  DisableConfigWatchers: {
    on: (_, edit) => {
      edit.watchConfigsSelector = ''
      return { outcome: 'set', message: "watchConfigsSelector: ''" }
    },
  },
  DisableFailFastBehavior: { on: unsupported('a health check that cannot succeed any more always ends at once') },
  AdditiveCELDependencyCheck: { on: unsupported('readyExpr replaces the check of the Ready condition') },
  DefaultToRetryOnFailure: {
    on: unsupported('set spec.install.strategy and spec.upgrade.strategy on the HelmReleases'),
  },
  DisableChartDigestTracking: {
    on: unsupported('digests of charts of OCIRepositories are always part of their versions'),
  },
  UseHelm3Defaults: { on: unsupported('releases are made as Helm 4 makes them') },
  AllowDNSLookups: { on: unsupported('charts cannot look up names in DNS') },
  OOMWatch: { on: unneeded('there is no process in the cluster to be watched') },
  DetectDrift: { on: unsupported('set spec.driftDetection on the HelmReleases') },
  CorrectDrift: { on: unneeded('it belongs to DetectDrift') },
}

/**
 * Flags and feature gates of the controllers (Flux 2.9) as settings of a deployment. A setting that two controllers give differently is said, not
 * guessed. Pure.
 */
export function mapFlags(controllers: readonly Controller[]): MappedFlags {
  const edit: Edit = {}
  const notes: FlagNote[] = []
  for (const controller of controllers) {
    const note = (flag: string, found: Omit<FlagNote, 'controller' | 'flag'> | undefined): void => {
      if (found !== undefined) notes.push({ controller: controller.name, flag, ...found })
    }
    for (const [flag, value] of flagsOf(controller.args)) {
      if (flag === 'feature-gates') mapGates(value, edit, controller, note)
      else note(flag, rules[flag]?.(value, edit, controller))
    }
  }
  const relaxed = {
    crossNamespaceRefs: !hasFlag(controllers, /^(?:kustomize|helm)-/, 'no-cross-namespace-refs'),
    remoteBases: !hasFlag(controllers, /^kustomize-/, 'no-remote-bases'),
  }
  const selector = selectorOf(controllers)
  notes.push(...selector.notes)
  if (selector.value !== '') edit.watchLabelSelector = selector.value
  return { settings: withoutDefaults(edit), notes, relaxed }
}

/** `--name=value` and `--name value`; a flag without a value is on. */
export function flagsOf(args: readonly string[]): readonly (readonly [name: string, value: string])[] {
  const found: [string, string][] = []
  for (let at = 0; at < args.length; at++) {
    const match = /^--?([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(args[at] ?? '')
    if (match === null) continue
    const next = args[at + 1]
    const isApart = match[2] === undefined && next !== undefined && !next.startsWith('-')
    found.push([match[1] ?? '', match[2] ?? (isApart ? next : 'true')])
    if (isApart) at += 1
  }
  return found
}

/** The last value of a flag of a controller, as its process takes it. */
export function flagOf(controller: Controller, name: string): string | undefined {
  return flagsOf(controller.args).findLast(([flag]) => flag === name)?.[1]
}

function hasFlag(controllers: readonly Controller[], component: RegExp, name: string): boolean {
  const concerned = controllers.filter((one) => component.test(one.component))
  return concerned.length > 0 && concerned.every((one) => (flagOf(one, name) ?? 'false') !== 'false')
}

function mapGates(
  value: string,
  edit: Edit,
  controller: Controller,
  note: (flag: string, found: Omit<FlagNote, 'controller' | 'flag'> | undefined) => void,
): void {
  for (const part of value.split(',')) {
    const [gate = '', state = 'true'] = part.trim().split('=')
    if (gate === '') continue
    const known = gates[gate]
    const isOn = state.toLowerCase() !== 'false'
    if (known === undefined) {
      if (isOn)
        note(`gate ${gate}`, { outcome: 'unknown', message: 'Sluice does not know it; look up what it does for you' })
    } else note(`gate ${gate}`, (isOn ? known.on : known.off)?.(state, edit, controller))
  }
}

/** Sharded controllers share one job: Sluice does all of it, unless every controller of a kind leaves something out. */
function selectorOf(controllers: readonly Controller[]): {
  readonly value: string
  readonly notes: readonly FlagNote[]
} {
  const concerned = controllers.filter(({ component }) => /^(?:source|kustomize|helm)-/.test(component))
  const selectors = new Set(concerned.map((one) => flagOf(one, 'watch-label-selector') ?? ''))
  if (selectors.size === 0 || (selectors.size === 1 && selectors.has(''))) return { value: '', notes: [] }
  const flag = 'watch-label-selector'
  const [only = ''] = selectors
  if (selectors.size > 1) {
    const message = `${[...selectors].map((one) => (one === '' ? 'everything' : one)).join(' | ')}: Sluice serves all shards`
    return { value: '', notes: [{ controller: 'all', flag, outcome: 'unneeded', message }] }
  }
  return { value: only, notes: [{ controller: 'all', flag, outcome: 'set', message: `watchLabelSelector: ${only}` }] }
}

function withoutDefaults(edit: Edit): Partial<Settings> {
  const same = (name: keyof Settings): boolean => JSON.stringify(edit[name]) === JSON.stringify(defaultSettings[name])
  return Object.fromEntries(Object.entries(edit).filter(([name]) => !same(name as keyof Settings)))
}
