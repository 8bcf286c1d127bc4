import { sha256Hex } from '../base/index.ts'

/** The script of the pages, with a name that changes when its content does. Pages are whole without it: it only shows again what has changed. */
export function liveScript(): { readonly path: string; readonly js: string } {
  return { path: `/ui/live.${sha256Hex(js).slice(0, 12)}.js`, js }
}

/**
 * Listens to `/ui/events`, and when something has changed fetches the page that is shown once more and takes over what differs in its elements with `data-live`, node by node:
 * what is focused, scrolled or opened stays so. Hidden pages do not listen. What is told to screen readers is the `data-summary` of the page, where that has changed.
 * It puts nothing but nodes of our own pages into the document, which were escaped where they were made.
 */
const js = `(() => {
'use strict'
const main = document.querySelector('main[data-live]')
if (!main || !window.EventSource || !window.DOMParser) return
const note = document.getElementById('live-note')
const news = document.getElementById('news')
const minPause = 2000
let source, timer, isBusy = false, lastAt = 0, wait = 30000
const tell = (text) => { if (note) note.textContent = text }
const keyOf = (node) => node.nodeType === 1 ? node.id || node.dataset.key || '' : ''
const isAlike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b)

function morph(from, to) {
  if (from.nodeType === 3) { if (from.data !== to.data) from.data = to.data; return }
  if (from.nodeType !== 1 || from.isEqualNode(to)) return
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value)
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !(name === 'open' && from.nodeName === 'DETAILS')) from.removeAttribute(name)
  }
  morphChildren(from, to)
}

function morphChildren(from, to) {
  const wanted = new Set([...to.childNodes].map(keyOf))
  const keyed = new Map([...from.children].map((one) => [keyOf(one), one]))
  let at = from.firstChild
  for (const want of [...to.childNodes]) {
    const key = keyOf(want)
    while (at && keyOf(at) !== '' && !wanted.has(keyOf(at))) { const gone = at; at = at.nextSibling; gone.remove() }
    const have = key === '' ? (at && isAlike(at, want) ? at : undefined) : keyed.get(key)
    if (have && have.nodeName === want.nodeName) {
      if (have === at) at = at.nextSibling
      else from.insertBefore(have, at)
      morph(have, want)
    } else from.insertBefore(document.importNode(want, true), at)
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove() }
}

function isReading() {
  const selection = document.getSelection()
  return selection && !selection.isCollapsed && main.contains(selection.anchorNode)
}

function later(ms) {
  clearTimeout(timer)
  timer = setTimeout(refresh, Math.max(ms, lastAt + minPause - Date.now()))
}

async function refresh() {
  if (document.hidden || isBusy) return
  if (isReading()) return later(minPause)
  isBusy = true
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store', redirect: 'manual' })
    if (response.type === 'opaqueredirect' || response.status === 401) return stop('Live updates have ended: sign in again.')
    if (!response.ok) return
    const next = new DOMParser().parseFromString(await response.text(), 'text/html')
    const focused = document.activeElement
    const before = main.dataset.summary
    for (const region of document.querySelectorAll('[data-live]')) {
      const other = next.getElementById(region.id)
      if (other && other.hasAttribute('data-live')) morph(region, other)
    }
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true })
    if (news && main.dataset.summary !== before) news.textContent = main.dataset.summary
    tell('Live')
  } catch { tell('Live updates: the deployment does not answer.') } finally {
    lastAt = Date.now()
    isBusy = false
  }
}

function stop(text) { disconnect(); source = null; tell(text) }
function disconnect() { if (source) source.close(); source = undefined }

function connect() {
  if (source !== undefined || document.hidden) return
  source = new EventSource('/ui/events')
  source.addEventListener('open', () => { wait = 30000; tell('Live') })
  source.addEventListener('version', ({ data }) => { if (data !== main.dataset.version) later(0) })
  source.addEventListener('error', () => {
    tell('Live updates: connecting again')
    if (source && source.readyState === 2) {
      disconnect()
      setTimeout(connect, wait)
      wait = Math.min(wait * 2, 600000)
    }
  })
}

document.addEventListener('visibilitychange', () => {
  if (source === null) return
  if (document.hidden) { disconnect(); tell('Live updates are paused') } else connect()
})
connect()
})()
`
