# How native code is compiled, the addon and the programs of the benchmark alike. Portable: no -march.
{
  'target_defaults': {
    'default_configuration': 'Release',
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-rtti', '-fno-exceptions'],
    'cflags_cc': [
      '-std=c++20',
      '-fno-exceptions',
      '-fno-rtti',
      '-fvisibility=hidden',
      '-fvisibility-inlines-hidden',
      '-fstack-protector-strong',
    ],
    'cflags': ['-Wall', '-Wextra'],
    'cflags!': ['-Wno-unused-parameter', '-fno-omit-frame-pointer'],
    'configurations': {
      'Release': {
        'defines': ['NDEBUG', '_GLIBCXX_ASSERTIONS'],
        # Some distributions define it by default, at another level.
        'cflags_cc': ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=3'],
      },
      'Debug': {
        'cflags': ['-O0', '-g3'],
        'defines': ['_GLIBCXX_ASSERTIONS'],
      },
    },
    'conditions': [
      ['OS=="linux"', {
        'ldflags': ['-pthread', '-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack'],
        'cflags': ['-pthread'],
      }],
      ['OS=="mac"', {
        'xcode_settings': {
          'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
          'CLANG_CXX_LIBRARY': 'libc++',
          'GCC_ENABLE_CPP_EXCEPTIONS': 'NO',
          'GCC_ENABLE_CPP_RTTI': 'NO',
          'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
          'MACOSX_DEPLOYMENT_TARGET': '11.0',
        },
      }],
      ['OS=="win"', {
        'msvs_settings': {
          'VCCLCompilerTool': { 'AdditionalOptions': ['/std:c++20', '/Zc:__cplusplus', '/utf-8'] },
        },
      }],
    ],
  },
}
