{
  'includes': ['native/flags.gypi'],
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
