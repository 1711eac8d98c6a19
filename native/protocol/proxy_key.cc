#include "proxy_key.h"

namespace limpet {

bool is_of_proxy(const HeadRecipe& recipe) {
  switch (recipe.source) {
    case HeadSource::kProxySource:
    case HeadSource::kProxyTlv:
    case HeadSource::kProxyVpcEndpoint:
      return true;
    default:
      return false;
  }
}

bool names_address(const ProxyHeader* header) {
  using Family = ClientAddress::Family;
  return header && (header->source.family == Family::kIpv4 || header->source.family == Family::kIpv6);
}

Extraction proxy_key(const HeadRecipe& recipe, const ProxyHeader* header) {
  if (!header) return kNoKey;
  const bool is_endpoint = recipe.source == HeadSource::kProxyVpcEndpoint;
  const auto type = static_cast<uint8_t>(recipe.offset);
  const auto value = is_endpoint ? find_vpc_endpoint(header->tlvs) : find_proxy_tlv(header->tlvs, type);
  return value ? found(text_of(*value)) : kNoKey;
}

}  // namespace limpet
