import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import { CliError, ReaderGone } from '../../src/cli/cli-error.ts'
import { crashText } from '../../src/cli/crash.ts'
import { descriptorProblem } from '../../src/cli/descriptors.ts'
import { Reloading } from '../../src/cli/reloading.ts'
import { type StopSignal, StopSignals } from '../../src/cli/signals.ts'
import { startFailure } from '../../src/cli/start-failure.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { parseConfig } from '../../src/config/load.ts'
import { Narrator } from '../../src/demo/narrator.ts'
import { createLog } from '../../src/log/log.ts'
import { ServiceManager } from '../../src/os/service-manager.ts'
import { nodeProblem } from '../../src/package-info.ts'
import { Directory } from '../helpers/directory.ts'
import { Recorder, ROOT, runnable } from './helpers.ts'

describe('cli: reloading', () => {
  const config = parseConfig(runnable(['127.0.0.1:1']), { file: 'limpet.yaml' })

  /** Reloads a balancer that only counts; each reading waits until it is let go. */
  function reloading() {
    const emitter = new EventEmitter()
    const readings: (() => void)[] = []
    let reloads = 0
    const read = () => new Promise<typeof config>(resolve => readings.push(() => resolve(config)))
    const balancer = { reload: async () => reloads++ } as unknown as Balancer
    const log = createLog('silent')
    const manager = new ServiceManager({ notifySocket: undefined, watchdogMs: undefined }, log)
    const subject = new Reloading(emitter, config, read, log, manager)
    const settle = () => new Promise(resolve => setImmediate(resolve))
    return { emitter, readings, subject, balancer, settle, reloads: () => reloads }
  }

  it('keeps a signal that comes before the balancer listens', async () => {
    const { emitter, readings, subject, balancer, settle, reloads } = reloading()
    emitter.emit('SIGHUP', 'SIGHUP')
    expect(readings).to.have.length(0)
    subject.begin(balancer)
    await settle()
    readings[0]?.()
    await settle()
    expect([readings.length, reloads()]).to.deep.equal([1, 1])
  })

  it('reads once more for all signals that come while one is under way', async () => {
    const { emitter, readings, subject, balancer, settle, reloads } = reloading()
    subject.begin(balancer)
    for (let n = 0; n < 5; n++) emitter.emit('SIGHUP', 'SIGHUP')
    await settle()
    expect(readings).to.have.length(1)
    readings[0]?.()
    await settle()
    expect(readings).to.have.length(2)
    readings[1]?.()
    await settle()
    expect([readings.length, reloads()]).to.deep.equal([2, 2])
  })

  it('reads for whoever asks, after what is under way, and tells how it went', async () => {
    const { emitter, readings, subject, balancer, settle, reloads } = reloading()
    expect(await subject.reload().catch(({ code }) => code)).to.equal('LIMPET_ERR_INVALID_STATE')
    subject.begin(balancer)
    emitter.emit('SIGHUP', 'SIGHUP')
    const asked = subject.reload()
    await settle()
    expect(readings).to.have.length(1)
    readings[0]?.()
    await settle()
    expect([readings.length, reloads()]).to.deep.equal([2, 1])
    readings[1]?.()
    expect(await asked).to.equal(1)
    subject.stop()
    expect(await subject.reload().catch(({ code }) => code)).to.equal('LIMPET_ERR_INVALID_STATE')
    expect(readings).to.have.length(2)
  })

  it('does nothing when the balancer stops, and takes its handler off at the end', async () => {
    const { emitter, readings, subject, balancer, settle } = reloading()
    subject.begin(balancer)
    subject.stop()
    emitter.emit('SIGHUP', 'SIGHUP')
    await settle()
    expect([readings.length, emitter.listenerCount('SIGHUP')]).to.deep.equal([0, 1])
    subject.end()
    expect(emitter.listenerCount('SIGHUP')).to.equal(0)
  })
})

describe('cli: signals', () => {
  let now = 0
  const raised: StopSignal[] = []
  const emitter = new EventEmitter()
  let signals: StopSignals

  beforeEach(() => {
    now = 0
    raised.length = 0
    emitter.removeAllListeners()
    signals = new StopSignals(emitter, { sameWithinMs: 200, now: () => now, raise: signal => raised.push(signal) })
  })

  /** What has come so far. */
  async function state(): Promise<(StopSignal | undefined)[]> {
    const soon = new Promise<undefined>(resolve => setImmediate(() => resolve(undefined)))
    return await Promise.all([signals.first, signals.second].map(signal => Promise.race([signal, soon])))
  }

  it('takes a signal that is passed on for the same one', async () => {
    emitter.emit('SIGINT', 'SIGINT')
    now = 150
    emitter.emit('SIGINT', 'SIGINT')
    now = 300
    emitter.emit('SIGINT', 'SIGINT')
    expect(await state()).to.deep.equal(['SIGINT', undefined])
    now = 500
    emitter.emit('SIGINT', 'SIGINT')
    expect(await state()).to.deep.equal(['SIGINT', 'SIGINT'])
  })

  it('takes another signal for another one', async () => {
    emitter.emit('SIGTERM', 'SIGTERM')
    expect(await state()).to.deep.equal(['SIGTERM', undefined])
    emitter.emit('SIGINT', 'SIGINT')
    expect(await state()).to.deep.equal(['SIGTERM', 'SIGINT'])
  })

  it('gives the third one back', () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM']) {
      expect(raised).to.deep.equal([])
      emitter.emit(signal, signal)
    }
    expect(raised).to.deep.equal(['SIGTERM'])
    expect(emitter.listenerCount('SIGTERM') + emitter.listenerCount('SIGINT')).to.equal(0)
  })
})

describe('cli: terminal', () => {
  it('styles only on a terminal that wants it', () => {
    const styled = (columns: number | undefined, env: NodeJS.ProcessEnv): string =>
      new Terminal(new Recorder(columns).stream, env).style('red', 'x')
    expect(styled(80, {})).to.equal('\u001b[31mx\u001b[39m')
    expect(styled(80, { NO_COLOR: '' })).to.equal('\u001b[31mx\u001b[39m')
    expect(styled(80, { NO_COLOR: '0' })).to.equal('x')
    expect(styled(80, { TERM: 'dumb' })).to.equal('x')
    expect(styled(undefined, {})).to.equal('x')
  })

  it('cuts by characters', () => {
    const terminal = new Terminal(new Recorder(5).stream, {})
    expect(terminal.cut('12345')).to.equal('12345')
    expect(terminal.cut('123456')).to.equal('1234…')
    expect(terminal.cut('🐚🐚🐚')).to.equal('🐚🐚🐚')
    expect(terminal.cut('🐚🐚🐚🐚🐚🐚')).to.equal('🐚🐚🐚🐚…')
    expect(new Terminal(new Recorder().stream, {}).cut('1'.repeat(500))).to.have.length(500)
  })

  it('waits for a slow reader', async () => {
    const written: (() => void)[] = []
    const stream = new Writable({ write: (_chunk, _encoding, done) => void written.push(done) })
    let isDone = false
    const line = new Terminal(stream, {}).line('x').then(() => {
      isDone = true
    })
    await new Promise(setImmediate)
    expect([written.length, isDone]).to.deep.equal([1, false])
    written[0]?.()
    await line
    expect(isDone).to.equal(true)
  })

  it('tells a reader that has gone from a full disk', async () => {
    for (const [code, kind] of [
      ['EPIPE', ReaderGone],
      ['ENOSPC', CliError],
    ] as const) {
      const stream = new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
      })
      const terminal = new Terminal(stream, {})
      const error = await terminal.line('x').then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(kind)
      const again = await terminal.line('y').then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(again).to.be.instanceOf(kind)
    }
  })
})

describe('cli: the narrator of the demo', () => {
  it('brings what is told at once in the order of its times, before what is said later', async () => {
    const out = new Recorder()
    const narrator = new Narrator(new Terminal(out.stream, {}), ['a'])
    const opened = (clientPort: number, time: number): void =>
      narrator.opened({
        id: String(clientPort),
        time,
        relay: 'native',
        listener: 'demo',
        pool: 'demo',
        clientAddress: '192.0.2.7',
        clientPort,
        backend: 'a',
        reason: 'home',
        connectMs: 1,
      })
    for (const [port, time] of [
      [3, 30],
      [1, 10],
      [2, 10],
    ] as const)
      opened(port, time)
    narrator.say('said')
    opened(4, 5)
    await narrator.written()
    const lines = out.text.trimEnd().split('\n')
    expect(lines.map(line => /:(\d) /.exec(line)?.[1] ?? line)).to.deep.equal(['1', '2', '3', 'said', '4'])
  })
})

describe('cli: texts of failures', () => {
  const config = parseConfig(runnable(['127.0.0.1:1']))
  const text = (facts: object): string => {
    const failure = startFailure(Object.assign(new Error('as net says it'), facts), config)
    expect(failure).to.be.instanceOf(CliError)
    return (failure as CliError).message
  }

  it('names address, reason and remedy of a listener that cannot be opened', () => {
    const bind = { syscall: 'listen', listener: 'l' }
    expect(text({ ...bind, code: 'EADDRINUSE', errno: -98 })).to.match(
      /^cannot listen on 127\.0\.0\.1:0 \(listener l\): address already in use \(EADDRINUSE\); stop /,
    )
    expect(text({ ...bind, code: 'EACCES', errno: -13 })).to.contain('permission denied (EACCES); ports below 1024')
    expect(text({ ...bind, code: 'EADDRNOTAVAIL', errno: -99 })).to.contain('this host has no such address')
    expect(text({ ...bind, code: 'ENOTSUP', errno: -95 })).to.match(/\(ENOTSUP\)$/)
  })

  it('looks at the path of a unix socket, which the code does not tell', async () => {
    const directory = await Directory.make()
    const path = (name: string): string => join(directory.path, name)
    writeFileSync(path('file'), '')
    const server = createServer().listen(path('socket'))
    await once(server, 'listening')
    const failure = (unix: string, code: string): string => {
      const unixConfig = parseConfig(runnable(['127.0.0.1:1']).replace('127.0.0.1:0', JSON.stringify(`unix:${unix}`)))
      const error = Object.assign(new Error('as net says it'), { syscall: 'listen', listener: 'l', code })
      return (startFailure(error, unixConfig) as CliError).message
    }
    const missing = `: there is no directory ${path('nope')}; make it, `
    expect(failure(path('nope/x.sock'), 'EACCES')).to.contain(missing)
    expect(failure(path('nope/x.sock'), 'ENOENT')).to.contain(missing)
    expect(failure(path('x.sock'), 'EACCES')).to.match(/: EACCES; this user must be able to make a file in /)
    expect(failure(path('file/x.sock'), 'EACCES')).to.match(/: EACCES; this user must be able to make a file in /)
    expect(failure(path('file'), 'EADDRINUSE')).to.contain(': there is a file of this name, and no socket; give ')
    expect(failure(directory.path, 'EADDRINUSE')).to.contain(': there is a directory of this name, and no socket; ')
    expect(failure(path('socket'), 'EADDRINUSE')).to.contain(': EADDRINUSE; stop the program that has it')
    server.close()
    await directory[Symbol.asyncDispose]()
  })

  it('tells a want of file descriptors from a fault', () => {
    const coded = (code: string, message = code, cause?: Error): Error =>
      Object.assign(new Error(message, { cause }), { code })
    const absent = (name: string): Error =>
      coded('ERR_MODULE_NOT_FOUND', `Cannot find package '${ROOT}node_modules/${name}/index.js' imported from /x.js`)
    for (const code of ['EMFILE', 'ENFILE']) {
      const sentence = new RegExp(`^too many open files .*\\(${code}\\): .*ulimit -n`)
      expect(descriptorProblem(coded(code))).to.match(sentence)
      expect(descriptorProblem(coded('LIMPET_ERR_CONFIG_READ', 'x', coded(code)))).to.match(sentence)
    }
    // It is installed: that it was not found must have had another reason.
    expect(descriptorProblem(absent('yaml'))).to.match(/EMFILE/)
    for (const error of [absent('no-such-package'), coded('ENOENT'), new Error('a fault'), 'EMFILE', undefined])
      expect(descriptorProblem(error)).to.equal(undefined)
  })

  it('names the host of a backend that cannot be looked up', () => {
    const lookup = { syscall: 'getaddrinfo', code: 'ENOTFOUND', errno: -3008, hostname: 'no.example' }
    expect(text(lookup)).to.match(/^cannot look up the backend host no\.example: .*ENOTFOUND/)
  })

  it('leaves what is no failure of the system as it is', () => {
    const error = new RangeError('a fault')
    expect(startFailure(error, config)).to.equal(error)
  })

  it('tells a fault in one line, and where it is with LIMPET_DEBUG', () => {
    const error = new Error('first\n  second', { cause: new Error('the cause') })
    expect(crashText('limpet', error, {})).to.equal('limpet: internal error: first second (LIMPET_DEBUG=1 shows where)')
    expect(crashText('limpet', error, { LIMPET_DEBUG: '1' })).to.match(
      /^limpet: internal error: first second\n.*\n[\s\S]* at [\s\S]*caused by: Error: the cause\n/,
    )
    expect(crashText('limpet', 'thrown text', {})).to.contain('internal error: thrown text (')
  })

  it('tells an old Node in one sentence', () => {
    expect(nodeProblem('18.20.1', '>=20.19')).to.equal('this is Node 18.20.1, but Limpet needs Node 20.19 or newer.')
    for (const version of ['20.19.0', '20.20.2', '22.0.0', '100.0.0-nightly'])
      expect(nodeProblem(version, '>=20.19')).to.equal(undefined)
    expect(nodeProblem('20.18.9', '>=20.19')).to.be.a('string')
    expect(nodeProblem(process.versions.node)).to.equal(undefined)
  })
})
