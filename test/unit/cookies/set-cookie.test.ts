import { expect } from 'chai'
import { cookieOf, type ResolvedInsertCookie } from '../../../src/config/cookie.ts'
import { cookieSetBy, setCookieLine } from '../../../src/cookies/set-cookie.ts'

const line = (settings: Partial<ResolvedInsertCookie>): string =>
  setCookieLine({ ...(cookieOf({ mode: 'insert' }) as ResolvedInsertCookie), ...settings }, 'v').toString()

describe('the field that sets a cookie', () => {
  it('has the attributes of the settings', () => {
    expect(line({})).to.equal('Set-Cookie: limpet=v; Path=/; SameSite=Lax; HttpOnly\r\n')
    const all = { name: 'lb', path: '/app', domain: 'example.org', maxAge: 90_000, secure: true, httpOnly: false }
    expect(line({ ...all, sameSite: 'none' })).to.equal(
      'Set-Cookie: lb=v; Path=/app; Domain=example.org; Max-Age=90; SameSite=None; Secure\r\n',
    )
  })
})

describe('reading such a field', () => {
  const cases: [field: string, value: string | undefined][] = [
    ['sid=7', '7'],
    ['sid=7; Path=/; HttpOnly', '7'],
    [' sid = 7 ;Path=/', '7'],
    ['sid="7"', '"7"'],
    ['sid=a=b==', 'a=b=='],
    ['sid=7; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT', '7'],
    ['sid=7; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:01 GMT', undefined],
    ['sid=7; Max-Age=0; Max-Age=60', '7'],
    ['sid=7; Max-Age=60', '7'],
    ['sid=7; Expires=Fri, 01 Jan 2999 00:00:00 GMT', '7'],
    ['sid=7; Expires=soon', '7'],
    ['SID=7', undefined],
    ['other=sid=7', undefined],
    ['sid', undefined],
    ['sid=', undefined],
    ['', undefined],
    ['sid=7; max-age=0', undefined],
    ['sid=7; Max-Age=-1', undefined],
    ['sid=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ]
  for (const [field, value] of cases) {
    it(`takes ${JSON.stringify(value)} from ${JSON.stringify(field)}`, () => {
      expect(cookieSetBy(field, 'sid')).to.equal(value)
    })
  }
})
