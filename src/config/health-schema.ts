import { z } from 'zod'
import { HOUR, LONGEST_TIMER_MS, type Mode } from './duration.ts'
import type { CheckType } from './options.ts'
import { backendAddress, duration, off, oneOf, onOff, percentOrOff, whole } from './scalars.ts'
import { hexText, plainText, regexText, statusRanges } from './text-scalars.ts'

const STEP_WORDS = ['send', 'sendHex', 'expect', 'expectHex', 'expectRegex'] as const
const LONGEST_TEXT = 4096
const MOST_STEPS = 32

/** Which types take a key that not all of them take. */
const TYPES_OF_KEY: Readonly<Record<'path' | 'host' | 'status' | 'body' | 'steps' | 'tls', readonly CheckType[]>> = {
  path: ['http', 'https'],
  host: ['http', 'https'],
  status: ['http', 'https'],
  body: ['http', 'https'],
  steps: ['expect'],
  tls: ['tls', 'https', 'expect', 'redis', 'smtp', 'mqtt'],
}

function step(mode: Mode) {
  return z
    .strictObject({
      send: plainText(LONGEST_TEXT, 'Text that is sent.').optional(),
      sendHex: hexText(LONGEST_TEXT, 'Bytes that are sent, in hexadecimal digits.').optional(),
      expect: plainText(LONGEST_TEXT, 'Text that must come, wherever in what has come since the last step.').optional(),
      expectHex: hexText(LONGEST_TEXT, 'Bytes that must come, in hexadecimal digits.').optional(),
      expectRegex: regexText(
        LONGEST_TEXT,
        'A regular expression that must match what has come; bytes are Latin-1.',
      ).optional(),
      timeout: duration(
        { min: 1, max: HOUR },
        mode,
        "How long this step may take; default: the check's timeout.",
      ).optional(),
    })
    .superRefine((given, context) => {
      const words = STEP_WORDS.filter(word => given[word] !== undefined)
      if (words.length === 1) return
      const message = words.length === 0 ? 'the step does nothing' : `a step is only one of ${words.join(', ')}`
      context.addIssue({ code: 'custom', message, params: { accepted: `one of ${STEP_WORDS.join(', ')}` } })
    })
}

function tlsKeys() {
  return {
    serverName: plainText(255, 'The name that the certificate must have, sent as SNI.').optional(),
    verify: onOff('Whether the certificate must be valid.'),
  }
}

const TLS = 'TLS of the check; tls and https use it in any case.'

function tls() {
  const { serverName, verify } = tlsKeys()
  const settings = z.strictObject({ serverName, verify: verify.prefault('on') })
  return z
    .union([settings, off('{ serverName, verify }', 'No TLS.')])
    .optional()
    .describe(TLS)
}

function onDownKeys(mode: Mode) {
  return {
    sessions: oneOf(
      ['keep', 'close'],
      'What becomes of the sessions of a backend that went down. keep: they go on as long as they can.',
    ),
    perSecond: whole(
      { min: 0, max: 1_000_000 },
      'Sessions that are closed a second, the longest idle first; 0: all at once.',
    ),
    deadline: duration(
      { min: 0, max: LONGEST_TIMER_MS },
      mode,
      'When what is left is closed at once, from the beginning.',
    ),
  }
}

const ON_DOWN = 'What becomes of the sessions of a backend that went down.'

function onDown(mode: Mode) {
  const { sessions, perSecond, deadline } = onDownKeys(mode)
  return z
    .strictObject({
      sessions: sessions.prefault('keep'),
      perSecond: perSecond.prefault(100),
      deadline: deadline.prefault('30s'),
    })
    .prefault({})
    .describe(ON_DOWN)
}

/** Keys that are the same for a pool and for one backend, without the pool's defaults. */
function checkKeys(mode: Mode) {
  return {
    type: oneOf(
      ['tcp', 'tls', 'http', 'https', 'expect', 'redis', 'postgres', 'mysql', 'smtp', 'mqtt'],
      'What a backend is asked.',
    ),
    interval: duration({ min: 10, max: HOUR }, mode, 'Time between two checks of a backend.'),
    fastInterval: duration({ min: 10, max: HOUR }, mode, 'The same, while results speak against its state.'),
    timeout: duration({ min: 1, max: HOUR }, mode, 'How long a check may take.'),
    rise: whole({ min: 1, max: 1000 }, 'Good checks in a row before a backend is up.'),
    fall: whole({ min: 1, max: 1000 }, 'Bad checks in a row before a backend is down.'),
    initial: oneOf(
      ['up', 'down', 'check'],
      'Its state before the first check. check: that check decides, and traffic waits for it.',
    ),
    port: whole({ min: 0, max: 65_535 }, "Port that is checked; 0: the backend's own."),
  }
}

/** Keys that only some types of checks have. */
function typeKeys(mode: Mode) {
  return {
    path: plainText(LONGEST_TEXT, 'What an HTTP check asks for; default: /.').optional(),
    host: plainText(255, "The Host of an HTTP check; default: the backend's address.").optional(),
    status: statusRanges('HTTP statuses that are well; default: 200-399.').optional(),
    body: plainText(LONGEST_TEXT, "Text that must occur in the answer's first 64 KiB.").optional(),
    steps: z
      .array(step(mode))
      .min(1)
      .max(MOST_STEPS)
      .optional()
      .describe('What is sent and expected, one after the other.'),
  }
}

function checkPath({ path }: { path?: string | undefined }, context: z.RefinementCtx): void {
  if (path === undefined || /^\/[!-~]*$/.test(path)) return
  const accepted = 'a path that begins with / and has no spaces, like /health?full=1'
  context.addIssue({ code: 'custom', path: ['path'], message: 'this is no path', params: { accepted } })
}

/** The mapping of {@link health}. */
export function healthSettings(mode: Mode) {
  const keys = checkKeys(mode)
  return z
    .strictObject({
      type: keys.type.prefault('tcp'),
      interval: keys.interval.prefault('2s'),
      fastInterval: keys.fastInterval.prefault('1s'),
      timeout: keys.timeout.prefault('1s'),
      rise: keys.rise.prefault(2),
      fall: keys.fall.prefault(3),
      initial: keys.initial.prefault('check'),
      port: keys.port.prefault(0),
      ...typeKeys(mode),
      tls: tls(),
      onDown: onDown(mode),
    })
    .superRefine((given, context) => {
      checkPath(given, context)
      for (const { path, message, accepted } of typeProblems(given))
        context.addIssue({ code: 'custom', path, message, params: { accepted } })
    })
}

/** What the keys of a check have that its type does not, and what they lack. */
export function typeProblems(
  given: { [Key in keyof typeof TYPES_OF_KEY]?: unknown } & { type: CheckType },
): { path: string[]; message: string; accepted: string }[] {
  const foreign = Object.entries(TYPES_OF_KEY).flatMap(([key, types]) => {
    if (given[key as keyof typeof TYPES_OF_KEY] === undefined || types.includes(given.type)) return []
    const message = `a check of type ${given.type} does not have this`
    return [{ path: [key], message, accepted: `type ${types.join(' or ')}` }]
  })
  if (given.type !== 'expect' || given.steps !== undefined) return foreign
  const accepted = 'a list, like [{ send: "PING\\r\\n" }, { expect: "+PONG" }]'
  return [...foreign, { path: ['steps'], message: 'is missing', accepted }]
}

/** Active checks of a pool's backends. */
export function health(mode: Mode) {
  return z
    .union([healthSettings(mode), off('{ type, interval, timeout, … }', 'No checks.')])
    .prefault('off')
    .describe('Active checks: who fails them gets no clients.')
}

/** Active checks of a pool, when they were read. */
export type ParsedHealth = z.output<ReturnType<typeof healthSettings>>

/** What is different in the checks of one backend. */
export function backendHealth(mode: Mode) {
  const keys = checkKeys(mode)
  const { serverName, verify } = tlsKeys()
  const { sessions, perSecond, deadline } = onDownKeys(mode)
  const no = new Map<unknown, 'off'>([[false, 'off']])
  const settings = z
    .strictObject({
      type: keys.type.optional(),
      interval: keys.interval.optional(),
      fastInterval: keys.fastInterval.optional(),
      timeout: keys.timeout.optional(),
      rise: keys.rise.optional(),
      fall: keys.fall.optional(),
      initial: keys.initial.optional(),
      port: keys.port.optional(),
      address: backendAddress('Where it is checked, if not at its own address').optional(),
      ...typeKeys(mode),
      tls: z
        .union([z.strictObject({ serverName, verify: verify.optional() }), oneOf<'off', false>(['off'], 'No TLS.', no)])
        .optional()
        .describe(TLS),
      onDown: z
        .strictObject({
          sessions: sessions.optional(),
          perSecond: perSecond.optional(),
          deadline: deadline.optional(),
        })
        .optional()
        .describe(ON_DOWN),
    })
    .superRefine((given, context) => {
      checkPath(given, context)
      if (given.address === undefined || given.port === undefined) return
      const params = { accepted: 'the port in the address, or no address' }
      context.addIssue({ code: 'custom', path: ['port'], message: 'the address has a port of its own', params })
    })
  return z
    .union([
      settings,
      oneOf<'pool' | 'off', false>(
        ['pool', 'off'],
        'No checks, or those of the pool.',
        no,
        '{ type, interval, timeout, … }',
      ),
    ])
    .optional()
    .describe('What is different in its checks; off: it is not checked; pool, as without this: nothing.')
}

/** Passive checks: what sessions say of a backend. */
export function ejection(mode: Mode) {
  const settings = z.strictObject({
    failures: whole(
      { min: 1, max: 1_000_000 },
      'Connects in a row that fail, or sessions in a row that are reset at once, after which a backend is ejected.',
    ).prefault(5),
    baseTime: duration(
      { min: 1000, max: HOUR },
      mode,
      'How long it is out the first time; each further time that much longer, up to five minutes.',
    ).prefault('30s'),
    maxEjected: whole(
      { min: 1, max: 100 },
      'Per cent of the backends that may be out at one time; one always may, the last one never.',
    ).prefault(10),
  })
  return z
    .union([settings, off('{ failures, baseTime, maxEjected }', 'Nobody is ejected.')])
    .prefault('off')
    .describe('Who fails the sessions of clients gets none for a while.')
}

/** Agents: what backends say of themselves. */
export function agent(mode: Mode) {
  return z
    .strictObject({
      port: whole(
        { min: 0, max: 65_535 },
        "The port of the backend's host where its agent listens (HAProxy's agent-check); 0: there are none.",
      ).prefault(0),
      interval: duration({ min: 100, max: HOUR }, mode, 'Time between two questions.').prefault('2s'),
    })
    .prefault({})
    .describe('What a server says of itself: its weight, its limit, and whether it serves.')
}

export function failOpen() {
  return percentOrOff(
    'When fewer of the backends than this are up, checks are not believed and all of them serve.',
  ).prefault(50)
}
