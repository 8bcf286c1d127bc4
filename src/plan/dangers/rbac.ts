import { isMap, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { fieldAt } from '../immutable.ts'
import type { ObjectView } from '../object.ts'
import { joinShown, say, type Shown } from '../shown.ts'
import { forKinds, mapsAt, shownName, textAt, textsAt, type Rule } from './rule.ts'

const group = 'rbac.authorization.k8s.io'
const roles = [`${group}/Role`, `${group}/ClusterRole`]
const bindings = [`${group}/RoleBinding`, `${group}/ClusterRoleBinding`]

/** One right: a verb on a resource of a group, of one name or of all; or on a URL. */
interface Grant {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly name: string
}

/** Combinations that are looked at; a rule of many verbs, groups, resources and names multiplies. A role with more counts as one that grants everything. */
const maxGrants = 4_000
const everything: Grant = { verb: '*', group: '*', resource: '*', name: '*' }
/** Grants that are named in a message. */
const maxNamed = 5

function grantsOf(role: KubeObject | undefined): readonly Grant[] {
  const found: Grant[] = []
  const orAll = (texts: readonly string[]): readonly string[] => (texts.length === 0 ? ['*'] : texts)
  for (const rule of mapsAt(role, 'rules')) {
    const urls = textsAt(rule, 'nonResourceURLs')
    for (const verb of textsAt(rule, 'verbs')) {
      for (const url of urls) found.push({ verb, group: ' ', resource: url, name: '*' })
      for (const apiGroup of textsAt(rule, 'apiGroups'))
        for (const resource of textsAt(rule, 'resources'))
          for (const name of orAll(textsAt(rule, 'resourceNames'))) {
            if (found.length >= maxGrants) return found
            found.push({ verb, group: apiGroup, resource, name })
          }
    }
  }
  return found
}

/** Whether the first right holds the second. */
function covers(wide: Grant, narrow: Grant): boolean {
  const fits = (a: string, b: string): boolean => a === '*' || a === b
  const urls =
    wide.resource.endsWith('*') && wide.group === ' ' && narrow.resource.startsWith(wide.resource.slice(0, -1))
  const resources =
    fits(wide.resource, narrow.resource) ||
    (wide.resource.startsWith('*/') && narrow.resource.endsWith(wide.resource.slice(1)))
  const groups =
    wide.group === ' ' || narrow.group === ' ' ? wide.group === narrow.group : fits(wide.group, narrow.group)
  return fits(wide.verb, narrow.verb) && groups && (resources || urls) && fits(wide.name, narrow.name)
}

function newGrants(view: ObjectView): readonly Grant[] {
  const before = grantsOf(view.before)
  const exact = new Set(before.map((one) => JSON.stringify(one)))
  const wide = before.filter((one) => [one.verb, one.group, one.resource, one.name].some((part) => part.includes('*')))
  const after = grantsOf(view.after)
  const added = after.filter((one) => !exact.has(JSON.stringify(one)) && !wide.some((other) => covers(other, one)))
  return after.length < maxGrants || wide.some((other) => covers(other, everything)) ? added : [everything, ...added]
}

function showGrants(view: ObjectView, grants: readonly Grant[]): Shown {
  const named = [...new Set(grants.map(grantText))]
  const more = named.length - maxNamed
  const list = joinShown(
    named.slice(0, maxNamed).map((name) => shownName(view, name, 'rules')),
    ', ',
  )
  return more > 0 ? say`${list} and ${more} more` : list
}

function grantText({ verb, group: apiGroup, resource, name }: Grant): string {
  const of = apiGroup === '' || apiGroup === ' ' ? resource : `${resource}.${apiGroup}`
  return `${verb} ${of}${name === '*' ? '' : `/${name}`}`
}

/** Rights of which others come: upstream's list of privilege escalations (kubernetes.io, RBAC good practices). */
function escalates({ verb, group: apiGroup, resource }: Grant): boolean {
  if (['escalate', 'bind', 'impersonate'].includes(verb)) return true
  const isWrite = ['create', 'update', 'patch', '*'].includes(verb)
  if (apiGroup === '' && resource === 'serviceaccounts/token') return ['create', '*'].includes(verb)
  if (apiGroup === '' && ['pods/exec', 'pods/attach', 'nodes/proxy'].includes(resource)) return true
  if (apiGroup === 'certificates.k8s.io' && /\/(?:approval|status)$|^signers$/.test(resource))
    return isWrite || ['approve', 'sign'].includes(verb)
  return false
}

const widening: Rule = forKinds(roles, (view) => {
  const added = newGrants(view)
  return added.length === 0 ? [] : [say`${view.label} also grants ${showGrants(view, added)}`]
})

const wildcard: Rule = forKinds(roles, (view) => {
  const added = newGrants(view).filter(
    (one) => [one.verb, one.group, one.resource].includes('*') || (one.group === ' ' && one.resource.includes('*')),
  )
  return added.length === 0 ? [] : [say`${view.label} grants everything of a kind: ${showGrants(view, added)}`]
})

const escalation: Rule = forKinds(roles, (view) => {
  const added = newGrants(view).filter(escalates)
  return added.length === 0 ? [] : [say`${view.label} grants rights to get further rights: ${showGrants(view, added)}`]
})

const aggregation: Rule = forKinds([`${group}/ClusterRole`], (view) => {
  const labels = (object: KubeObject | undefined): readonly string[] => {
    const value = fieldAt(object, 'metadata', 'labels')
    return Object.keys(isMap(value) ? value : {}).filter((label) => label.startsWith(`${group}/aggregate-to-`))
  }
  const had = new Set(labels(view.before))
  const added = labels(view.after).filter((label) => !had.has(label))
  const found: Shown[] = []
  if (added.length > 0)
    found.push(
      say`${view.label} becomes part of other roles: ${joinShown(
        added.map((label) => shownName(view, label, 'metadata', 'labels')),
        ', ',
      )}`,
    )
  const selectors = (object: KubeObject | undefined): string =>
    JSON.stringify(fieldAt(object, 'aggregationRule') ?? null)
  if (
    view.after !== undefined &&
    fieldAt(view.after, 'aggregationRule') !== undefined &&
    selectors(view.before) !== selectors(view.after)
  )
    found.push(say`${view.label} gets its rules from other roles`)
  return found
})

/** Subjects who were not bound to the same role before. */
function newSubjects(view: ObjectView): readonly KubeMap[] {
  const keyOf = (subject: KubeMap): string =>
    JSON.stringify(['kind', 'namespace', 'name'].map((field) => textAt(subject, field)))
  const roleOf = (binding: KubeObject | undefined): string =>
    `${textAt(binding, 'roleRef', 'kind')}/${textAt(binding, 'roleRef', 'name')}`
  const before =
    roleOf(view.before) === roleOf(view.after) ? new Set(mapsAt(view.before, 'subjects').map(keyOf)) : new Set()
  return mapsAt(view.after, 'subjects').filter((subject) => !before.has(keyOf(subject)))
}

function showSubjects(view: ObjectView, subjects: readonly KubeMap[]): Shown {
  const names = subjects.map((subject) => {
    const place = textAt(subject, 'namespace')
    return shownName(
      view,
      `${textAt(subject, 'kind')} ${place === '' ? '' : `${place}/`}${textAt(subject, 'name')}`,
      'subjects',
    )
  })
  const more = names.length - maxNamed
  const list = joinShown(names.slice(0, maxNamed), ', ')
  return more > 0 ? say`${list} and ${more} more` : list
}

const subjects: Rule = forKinds(bindings, (view) => {
  const added = newSubjects(view)
  return added.length === 0 ? [] : [say`${view.label} also binds ${showSubjects(view, added)}`]
})

const clusterAdmin: Rule = forKinds(bindings, (view) => {
  const added = newSubjects(view)
  const isAdmin =
    textAt(view.after, 'roleRef', 'kind') === 'ClusterRole' && textAt(view.after, 'roleRef', 'name') === 'cluster-admin'
  return isAdmin && added.length > 0 ? [say`${view.label} gives cluster-admin to ${showSubjects(view, added)}`] : []
})

const everyone: Rule = forKinds(bindings, (view) => {
  const all = ['system:anonymous', 'system:unauthenticated', 'system:authenticated', 'system:serviceaccounts']
  const added = newSubjects(view).filter((subject) => all.includes(textAt(subject, 'name')))
  return added.length === 0 ? [] : [say`${view.label} binds everybody of ${showSubjects(view, added)}`]
})

export const rbacRules = {
  'rbac-widening': widening,
  'rbac-wildcard': wildcard,
  'rbac-escalation': escalation,
  'rbac-cluster-admin': clusterAdmin,
  'rbac-subjects': subjects,
  'rbac-everyone': everyone,
  'rbac-aggregation': aggregation,
}
