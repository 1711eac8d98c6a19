# The addon. In a file of its own, because a binding.gyp in the tarball would make npm compile (docs/dependencies.md);
# paths are relative to the directory of the binding.gyp that includes this.
{
  'includes': ['flags.gypi'],
  'targets': [
    {
      'target_name': 'limpet',
      'sources': ['<!@(node scripts/gyp.mjs sources)'],
      'include_dirs': ['<!@(node scripts/gyp.mjs includes)'],
      'defines': [
        'NAPI_VERSION=9',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'LIMPET_VERSION="<!(node scripts/gyp.mjs version)"',
      ],
    },
  ],
}
