// How the backends of a pool are connected to.
#include <algorithm>

#include "relay_wrap.h"

namespace limpet {

napi_value RelayWrap::set_outgoing(Call& call) {
  Outgoing outgoing;
  outgoing.proxy = static_cast<SendProxy>(std::min(call.u32(1), kMaxSendProxy));
  outgoing.tlvs = call.u32(2);
  outgoing.transparent = static_cast<Transparent>(std::min(call.u32(3), kMaxTransparent));
  for (const std::string& text : call.texts(4)) {
    const auto source = make_endpoint(text, 0);
    if (!source || source->family() == AF_UNIX) return call.misuse("a source is an IP address");
    (source->family() == AF_INET6 ? outgoing.ipv6 : outgoing.ipv4).push_back(source);
  }
  relay_->set_outgoing(call.u32(0), std::move(outgoing));
  return nullptr;
}

}  // namespace limpet
