// What `npm run test:package` runs: the packed tarball, installed elsewhere. Needs the registry.
module.exports = {
  ...require('./.mocharc.cjs'),
  spec: ['test/package/**/*.test.ts'],
  ignore: [],
  timeout: 300_000,
}
