import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { cleanUp, fileOf, limpet } from './helpers.ts'

const run = promisify(execFile)

async function isInstalled(shell: string): Promise<boolean> {
  return await run(shell, ['--version'], { timeout: 60_000 }).then(
    () => true,
    () => false,
  )
}

describe('cli: completion', () => {
  after(cleanUp)

  async function scriptOf(shell: string): Promise<string> {
    const { status, stdout, stderr } = await limpet(['completion', shell])
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
    return stdout
  }

  /** What bash offers for the last of these words. */
  async function offered(words: string[], cwd?: string): Promise<string[]> {
    const program = `
      set -u
      source "$1"; shift
      complete -p limpet >/dev/null
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _limpet
      for word in \${COMPREPLY[@]+"\${COMPREPLY[@]}"}; do printf '%s\\n' "$word"; done`
    const file = fileOf(await scriptOf('bash'), 'limpet.bash')
    const { stdout, stderr } = await run('bash', ['--norc', '-c', program, 'bash', file, ...words], {
      cwd,
      timeout: 60_000,
    })
    expect(stderr).to.equal('')
    return stdout.split('\n').slice(0, -1)
  }

  it('of bash knows commands, what is below them, and their options', async () => {
    expect(await offered(['limpet', 're'])).to.deep.equal(['reload'])
    expect(await offered(['limpet', ''])).to.include.members(['run', 'backends', 'help', '--version'])
    expect(await offered(['limpet', 'backends', 'd'])).to.deep.equal(['drain'])
    expect(await offered(['limpet', 'backends', 'drain', 'b1', '--h'])).to.have.members(['--hard', '--help'])
    expect(await offered(['limpet', 'completion', 'z'])).to.deep.equal(['zsh'])
    expect(await offered(['limpet', 'help', 'chec'])).to.deep.equal(['check'])
    expect(await offered(['limpet', 'nonsense', 'ch'])).to.deep.equal(['check'])
  })

  it('of bash offers files where a file is wanted, and nothing for other values', async () => {
    const file = fileOf('', 'my limpet.yaml')
    mkdirSync(join(dirname(file), 'my folder'))
    expect(await offered(['limpet', 'check', '-c', 'my'], dirname(file))).to.have.members([
      'my limpet.yaml',
      'my folder',
    ])
    expect(await offered(['limpet', 'status', '--config', 'my l'], dirname(file))).to.deep.equal(['my limpet.yaml'])
    expect(await offered(['limpet', 'status', '--pool', ''], dirname(file))).to.deep.equal([])
  })

  for (const shell of ['zsh', 'fish']) {
    it(`of ${shell} names every command and option, and is a script of that shell`, async () => {
      const script = await scriptOf(shell)
      for (const word of ['limpet backends drain', 'max-sessions', 'reload', 'plan', 'hard', 'completion'])
        expect(script).to.contain(word)
      if (!(await isInstalled(shell))) return
      await run(shell, ['-n', fileOf(script, `limpet.${shell}`)], { timeout: 60_000 })
    })
  }

  it('knows no other shell', async () => {
    const { status, stderr } = await limpet(['completion', 'tcsh'])
    expect(status).to.equal(64)
    expect(stderr).to.contain('Allowed choices are bash, zsh, fish')
  })
})
