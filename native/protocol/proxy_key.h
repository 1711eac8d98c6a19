// Keys that a PROXY header has: it is whole before the head is looked at, so that nothing is waited for.
#pragma once

#include "head_key.h"
#include "proxy_protocol.h"

namespace limpet {

bool is_of_proxy(const HeadRecipe& recipe);

// The header names an IP address. Null: there was no header.
bool names_address(const ProxyHeader* header);

// The value of a vector. Never kMore.
Extraction proxy_key(const HeadRecipe& recipe, const ProxyHeader* header);

}  // namespace limpet
