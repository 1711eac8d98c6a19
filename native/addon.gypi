# The addon. In a file of its own, because a binding.gyp in the tarball would make npm compile (docs/dependencies.md);
# paths are relative to the directory of the binding.gyp that includes this.
{
  'includes': ['flags.gypi'],
  'targets': [
    {
      # For the addon, and for programs that measure the core.
      'target_name': 'limpet-core',
      'type': 'static_library',
      'sources': ['<!@(node scripts/gyp.mjs core)'],
      'include_dirs': ['<!@(node scripts/gyp.mjs includes)'],
    },
    {
      'target_name': 'limpet',
      'dependencies': ['limpet-core'],
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
