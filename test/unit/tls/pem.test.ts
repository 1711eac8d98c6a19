import { X509Certificate } from 'node:crypto'
import { expect } from 'chai'
import { namesOf, subjectOf, whyNotAuthorities } from '../../../src/tls/pem.ts'
import { Certificates } from '../../helpers/certificates.ts'
import { requirePeer } from '../../helpers/peers.ts'
import { runProgram } from '../../helpers/programs.ts'
import { TEST_MS } from '../../helpers/wait.ts'

describe('what a certificate says', function () {
  this.timeout(TEST_MS)
  let made: Certificates

  before(async function () {
    made = await Certificates.make(this)
  })
  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  it('of its subject is told as openssl shows it', async function () {
    const openssl = requirePeer(this, 'openssl')
    const subjects = [
      '/O=Example, Inc./OU=Sales/CN=ann',
      '/O=x/CN=ann+OU=Sales',
      '/CN=ann \\+ OU=Sales',
      '/O=#1/CN= "a" <b>;c=d\\\\ ',
    ]
    for (const [index, subject] of subjects.entries()) {
      const name = `subject${index}`
      await made.add(name, { subject })
      const shown = ['x509', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb', '-in', made.cert(name)]
      const told = (await runProgram(openssl, shown)).toString().replace(/\n$/, '')
      expect(`subject=${subjectOf(new X509Certificate(await made.pem(name)))}`).to.equal(told)
    }
  })

  it('is looked at to the last of several that are trusted', async () => {
    await made.add('first')
    await made.add('last')
    const [first, last] = [await made.pem('first'), await made.pem('last')]
    expect(whyNotAuthorities(Buffer.concat([first, Buffer.from('# a comment\n'), last]))).to.equal(undefined)
    for (const bytes of [40, 200, last.length - 10])
      expect(whyNotAuthorities(Buffer.concat([first, last.subarray(0, bytes)])), `${bytes}`).to.match(
        /^certificate 2: /,
      )
    const broken = Buffer.from(last.toString().replace('MII', 'MIX'))
    expect(whyNotAuthorities(Buffer.concat([first, broken, first]))).to.match(/^certificate 2: /)
  })

  it('of its names is told in small letters, DNS names alone', async () => {
    await made.add('names', { names: ['A.Test', '127.0.0.1', '*.B.test'] })
    expect(namesOf(new X509Certificate(await made.pem('names')))).to.deep.equal(['a.test', '*.b.test'])
  })
})
