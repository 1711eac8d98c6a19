{ 'includes': ['native/addon.gypi', 'bench/bench.gypi'] }
