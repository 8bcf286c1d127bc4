import {
  goInt,
  goMethod,
  GoObject,
  goStruct,
  STRING,
  STRING_MAP,
  typedList,
  TypedMap,
  type CollectionType,
  type GoFunction,
  type GoMap,
  type Value,
} from '../../template/index.ts'
import type { ChartDependency, ChartMetadata } from '../chart/metadata.ts'
import type { Capabilities, KubeVersion } from './capabilities.ts'
import { NilMap } from './nil-map.ts'

class KubeVersionObject extends GoObject {
  readonly goType = 'common.KubeVersion'
  readonly fields: ReadonlyMap<string, Value>
  override readonly methods: ReadonlyMap<string, GoFunction> = KUBE_VERSION_METHODS
  override readonly toTextInPlace: () => string
  readonly version: KubeVersion

  constructor(version: KubeVersion) {
    super()
    this.version = version
    this.fields = new Map([
      ['Version', version.version],
      ['normalizedVersion', version.normalized],
      ['Major', version.major],
      ['Minor', version.minor],
    ])
    this.toTextInPlace = () => version.normalized || version.version
  }

  override toJson(): Value {
    const { version, major, minor } = this.version
    return goStruct(this.goType, { Version: version, Major: major, Minor: minor })
  }
}

const KUBE_VERSION_METHODS: ReadonlyMap<string, GoFunction> = new Map([
  ['String', goMethod('String', [], (_run, version: KubeVersionObject) => version.toTextInPlace())],
  ['GitVersion', goMethod('GitVersion', [], (_run, version: KubeVersionObject) => version.version.version)],
])

class BuildInfo extends GoObject {
  readonly goType = 'version.BuildInfo'
  readonly fields: ReadonlyMap<string, Value>

  constructor(version: string, kubeClientVersion: string) {
    super()
    this.fields = new Map([
      ['Version', version],
      ['GitCommit', ''],
      ['GitTreeState', ''],
      ['GoVersion', 'go1.26.8'],
      ['KubeClientVersion', kubeClientVersion],
    ])
  }

  override toJson(): Value {
    const names = { version: 'Version', go_version: 'GoVersion', kube_client_version: 'KubeClientVersion' }
    const members = Object.entries(names).map(([json, field]) => [json, this.fields.get(field)])
    return goStruct(this.goType, Object.fromEntries(members))
  }
}

const VERSION_SET: CollectionType = Object.freeze({
  name: 'common.VersionSet',
  elem: 'string',
  zero: '',
  methods: new Map([
    ['Has', goMethod('Has', [STRING], (run, set: Value[], version) => (run.step(set.length), set.includes(version)))],
  ]),
})

class CapabilitiesObject extends GoObject {
  readonly goType = '*common.Capabilities'
  readonly fields: ReadonlyMap<string, Value>
  override readonly methods: ReadonlyMap<string, GoFunction> = CAPABILITIES_METHODS

  constructor(fields: ReadonlyMap<string, Value>) {
    super()
    this.fields = fields
  }
}

const CAPABILITIES_METHODS: ReadonlyMap<string, GoFunction> = new Map([
  [
    'Copy',
    goMethod('Copy', [], (_run, capabilities: CapabilitiesObject) => new CapabilitiesObject(capabilities.fields)),
  ],
])

/** `.Capabilities`. */
export function capabilitiesObject(capabilities: Capabilities): Value {
  return new CapabilitiesObject(
    new Map<string, Value>([
      ['KubeVersion', new KubeVersionObject(capabilities.kubeVersion)],
      ['APIVersions', typedList(VERSION_SET, capabilities.apiVersions)],
      ['HelmVersion', new BuildInfo(capabilities.helmVersion, 'v1.37')],
    ]),
  )
}

/** What a chart may know of its release. */
export interface ReleaseOptions {
  readonly name: string
  readonly namespace: string
  readonly revision: number
  readonly isInstall: boolean
  readonly isUpgrade: boolean
}

/** `.Release`. */
export function releaseObject(release: ReleaseOptions): GoMap {
  return new Map<string, Value>([
    ['Name', release.name],
    ['Namespace', release.namespace],
    ['IsUpgrade', release.isUpgrade],
    ['IsInstall', release.isInstall],
    ['Revision', goInt(release.revision)],
    ['Service', 'Helm'],
  ])
}

/** `.Chart`: the metadata by Go's field names, as a map. */
export function chartObject(metadata: ChartMetadata, isRoot: boolean): GoMap {
  return new Map<string, Value>([
    ['Name', metadata.name],
    ['Home', metadata.home],
    ['Sources', [...(metadata.sources ?? [])]],
    ['Version', metadata.version],
    ['Description', metadata.description],
    ['Keywords', [...(metadata.keywords ?? [])]],
    [
      'Maintainers',
      (metadata.maintainers ?? []).map(
        (m) =>
          new Map([
            ['Name', m.name],
            ['Email', m.email],
            ['URL', m.url],
          ]),
      ),
    ],
    ['Icon', metadata.icon],
    ['APIVersion', metadata.apiVersion],
    ['Condition', metadata.condition],
    ['Tags', metadata.tags],
    ['AppVersion', metadata.appVersion],
    ['Deprecated', metadata.deprecated],
    [
      'Annotations',
      metadata.annotations === undefined ? new NilMap(STRING_MAP) : new TypedMap(STRING_MAP, metadata.annotations),
    ],
    ['KubeVersion', metadata.kubeVersion],
    ['Dependencies', (metadata.dependencies ?? []).map(dependencyObject)],
    ['Type', metadata.type],
    ['IsRoot', isRoot],
  ])
}

function dependencyObject(dependency: ChartDependency): GoMap {
  return new Map<string, Value>([
    ['Name', dependency.name],
    ['Version', dependency.version],
    ['Repository', dependency.repository],
    ['Condition', dependency.condition],
    ['Tags', [...(dependency.tags ?? [])]],
    ['Enabled', dependency.enabled],
    ['ImportValues', [...(dependency.importValues ?? [])]],
    ['Alias', dependency.alias],
  ])
}
