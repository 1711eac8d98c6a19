import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  abortError,
  argumentRangeError,
  argumentTypeError,
  ERROR_CODES,
  formatProblem,
  LimpetConfigError,
  LimpetError,
  systemError,
  throwIfAborted,
} from '../../src/errors.ts'

describe('LimpetError', () => {
  it('carries its code, its cause and what it is about', () => {
    const cause = new Error('inner')
    const error = new LimpetError('LIMPET_ERR_UNKNOWN_BACKEND', 'no such backend', { cause, pool: 'p', backend: 'b' })
    expect(error).to.be.instanceOf(Error)
    expect(error).to.include({ name: 'LimpetError', code: 'LIMPET_ERR_UNKNOWN_BACKEND', pool: 'p', backend: 'b' })
    expect(error.cause).to.equal(cause)
  })

  it('has no property for what does not apply', () => {
    const error = new LimpetError('LIMPET_ERR_NO_BACKEND', 'none', { pool: undefined })
    expect(Object.keys(error)).to.have.members(['name', 'code'])
    expect('cause' in error).to.equal(false)
    expect(inspect(error)).not.to.include('undefined')
  })
})

describe('LimpetConfigError', () => {
  const problem = {
    file: 'a.yaml',
    line: 3,
    column: 5,
    path: 'pools.p',
    message: 'is wrong',
    code: 'LIMPET_ERR_CONFIG',
  } as const

  it('is the problem itself when there is one', () => {
    const error = new LimpetConfigError([{ ...problem, accepted: 'what is right' }])
    expect(error.message).to.equal('a.yaml:3:5: pools.p: is wrong. Accepted: what is right')
    expect(error).to.include({ name: 'LimpetConfigError', code: 'LIMPET_ERR_CONFIG' })
    expect(error).to.be.instanceOf(LimpetError)
  })

  it('tells every problem on a line of its own', () => {
    const error = new LimpetConfigError([problem, { ...problem, line: 4 }])
    expect(error.message).to.equal(
      '2 problems in a.yaml:\n  a.yaml:3:5: pools.p: is wrong\n  a.yaml:4:5: pools.p: is wrong',
    )
  })

  it('bounds the message, not the problems', () => {
    const error = new LimpetConfigError(Array.from({ length: 70 }, () => problem))
    expect(error.message.split('\n')).to.have.length(1 + 50 + 1)
    expect(error.message).to.match(/… and 20 more$/)
    expect(error.problems).to.have.length(70)
  })

  it('lets no control sequence of a file name through', () => {
    const file = 'a\u001b[31m\n.yaml'
    expect(formatProblem({ ...problem, file })).to.equal('a\\u001b[31m\\u000a.yaml:3:5: pools.p: is wrong')
    const { message } = new LimpetConfigError([problem, problem].map(each => ({ ...each, file })))
    expect(message).to.match(/^2 problems in a\\u001b\[31m\\u000a\.yaml:\n/)
  })

  it('leaves out the parts of a place that are not known', () => {
    expect(formatProblem({ path: '', message: 'is empty', code: 'LIMPET_ERR_CONFIG' })).to.equal('is empty')
    expect(formatProblem({ path: 'a', message: 'is empty', code: 'LIMPET_ERR_CONFIG' })).to.equal('a: is empty')
    expect(
      formatProblem({ line: 1, column: 2, path: 'a', message: 'b?', accepted: 'c', code: 'LIMPET_ERR_CONFIG' }),
    ).to.equal('1:2: a: b? Accepted: c')
  })
})

describe('systemError()', () => {
  it('looks like an error of net', done => {
    // Port 1 (tcpmux) is one that nobody listens on.
    connect(1, '127.0.0.1').once('error', (real: NodeJS.ErrnoException) => {
      const made = systemError(real.errno ?? 0, 'connect', { address: '127.0.0.1', port: 1 })
      expect(made.message).to.equal(real.message)
      expect({ ...made }).to.deep.equal({ ...real })
      done()
    })
  })

  it('names a unix socket by its path', () => {
    const error = systemError(-2, 'connect', { address: '/run/x.sock' })
    expect(error).to.include({ code: 'ENOENT', errno: -2, syscall: 'connect', address: '/run/x.sock' })
    expect(error.message).to.equal('connect ENOENT /run/x.sock')
    expect(error).not.to.have.property('port')
  })

  it('keeps the cause', () => {
    const cause = new Error('x')
    expect(systemError(-104, 'read', { cause }).cause).to.equal(cause)
  })

  it('refuses what is not -errno', () => {
    for (const errno of [0, 5, 1.5, Number.NaN]) {
      expect(() => systemError(errno, 'read'))
        .to.throw(RangeError)
        .with.property('code', 'ERR_OUT_OF_RANGE')
    }
  })
})

describe('abortError()', () => {
  it('is an AbortError with the reason as its cause', () => {
    const reason = new Error('enough')
    const error = abortError(AbortSignal.abort(reason))
    expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(error.cause).to.equal(reason)
  })

  it('is thrown only for a signal that is aborted', () => {
    throwIfAborted(undefined)
    throwIfAborted(new AbortController().signal)
    expect(() => throwIfAborted(AbortSignal.abort()))
      .to.throw()
      .with.property('code', 'ABORT_ERR')
  })
})

describe('programming mistakes', () => {
  it('are Node errors with Node codes', () => {
    expect(argumentTypeError('name', 'a string', null))
      .to.be.instanceOf(TypeError)
      .with.property('code', 'ERR_INVALID_ARG_TYPE')
    expect(argumentTypeError('name', 'a string', []).message).to.equal(
      'The argument "name" must be a string; received an array',
    )
    expect(argumentRangeError('ms', '≥ 0', -1))
      .to.be.instanceOf(RangeError)
      .with.property('code', 'ERR_OUT_OF_RANGE')
  })
})

describe('docs/errors.md', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const sections = text.split(/^### /m).slice(1)
  const documented = sections.map(section => /^`(\w+)`/.exec(section)?.[1])

  it('has a section for every code, and none for another', () => {
    expect(documented.filter(code => code?.startsWith('LIMPET_'))).to.have.ordered.members(Object.keys(ERROR_CODES))
  })

  it('says of each what it means in the words of the source, when it comes, and what to do', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      const section = sections.find(candidate => candidate.startsWith(`\`${code}\``)) ?? ''
      expect(section, code)
        .to.include(`${meaning}.`)
        .and.to.match(/^\*\*When\.\*\* \S/m)
        .and.to.match(/^\*\*What to do\.\*\* \S/m)
    }
  })
})
