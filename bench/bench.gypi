# The native programs of `limpet bench`, one target each; src/bench/programs.ts finds them. Compiled like the addon, and
# built with it: what is measured is what runs. Paths are relative to the directory of the binding.gyp that includes this.
{
  'targets': [
    {
      'target_name': 'limpet-bench-pick',
      'type': 'executable',
      'dependencies': ['limpet-core'],
      'sources': ['<!@(node scripts/gyp.mjs bench pick)'],
      'include_dirs': ['<!@(node scripts/gyp.mjs includes)'],
    },
  ],
  'conditions': [
    # They are made of epoll, as the native relay is.
    ['OS=="linux"', {
      'targets': [
        {
          'target_name': 'limpet-bench-load',
          'type': 'executable',
          'sources': ['<!@(node scripts/gyp.mjs bench load)'],
        },
        {
          'target_name': 'limpet-bench-floor',
          'type': 'executable',
          'sources': ['<!@(node scripts/gyp.mjs bench floor)'],
        },
      ],
    }],
  ],
}
