// The functions of the PROXY protocol: see `proxy` of NativeAddon in src/native.ts.
#pragma once

#include "call.h"

namespace limpet {

napi_value make_proxy_protocol(napi_env env);

}  // namespace limpet
