// Calls of the admin API of the origin that this page is from.

const TOKEN = 'limpet-token'
/** A call without an answer for so long has lost its server. */
const LIMIT_MS = 10_000

/** An error that the API answered with. */
export class ApiError extends Error {
  constructor(status, { code = `HTTP ${status}`, message = '', problems = [] }) {
    super([`${code}: ${message}`, ...problems.map(one => `${one.path}: ${one.message}`)].join('\n'))
    this.status = status
  }
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token)
}

export async function call(method, path, body) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await request(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  return await answer.json()
}

/** Path of a pool or of a backend in it. */
export function pathOf(pool, backend) {
  const path = `v1/pools/${encodeURIComponent(pool)}`
  return backend === undefined ? path : `${path}/backends/${encodeURIComponent(backend)}`
}

/** Id of the last event: the next stream goes on behind it. */
let lastId

/** Reads the event stream until it ends. By fetch: EventSource cannot send a token. */
export async function readEvents(tell, signal) {
  const answer = await request('v1/events', {
    signal,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  })
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += value
    const events = text.split('\n\n')
    text = events.pop()
    for (const event of events) tellOne(event, tell)
  }
}

function tellOne(event, tell) {
  const fields = new Map(event.split('\n').map(line => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]))
  lastId = fields.get('id') ?? lastId
  if (fields.has('event')) tell(fields.get('event'), JSON.parse(fields.get('data')))
}

async function request(path, { headers = {}, ...options }) {
  const token = sessionStorage.getItem(TOKEN)
  const shown = token === null ? headers : { ...headers, authorization: `Bearer ${token}` }
  const answer = await fetch(path, { ...options, headers: shown, cache: 'no-store' })
  if (answer.ok) return answer
  const text = await answer.text()
  throw new ApiError(answer.status, errorOf(text))
}

/** What is no JSON is shown as it is: a proxy may have answered. */
function errorOf(text) {
  try {
    return JSON.parse(text).error ?? { message: text }
  } catch {
    return { message: text }
  }
}
