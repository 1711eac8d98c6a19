import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { reaches } from '../../../src/config/loops.ts'

describe('a backend on a unix socket', () => {
  it('is the listener, however its path is spelled', () => {
    const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
    const link = `${directory}-link`
    symlinkSync(directory, link)
    try {
      const bind = { kind: 'unix', path: join(directory, 's') } as const
      const seen = (path: string): boolean => reaches({ kind: 'unix', path } as never, bind, new Set())
      expect(seen(`${directory}/../${directory.split('/').at(-1)}/s`)).to.equal(true)
      expect(seen(`${link}/s`)).to.equal(true)
      expect(seen(join(directory, 't'))).to.equal(false)
    } finally {
      rmSync(link)
      rmSync(directory, { recursive: true })
    }
  })
})
