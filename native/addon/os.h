// What of the operating system Node does not give: see NativeOs in src/native.ts.
#pragma once

#include "call.h"

namespace limpet {

// The object `os`.
napi_value make_os(napi_env env);

}  // namespace limpet
