// JA4, the fingerprint of a TLS client (FoxIO's specification, technical_details/JA4.md): what its library and settings
// offer, not who it is. Many clients share one.
#pragma once

#include "head.h"

namespace limpet {

// Like `t13d1516h2_8daaf6152771_e5627efa2ab1`; in `scratch`, behind the hello.
Extraction tls_ja4(Bytes head, Scratch& scratch);

}  // namespace limpet
