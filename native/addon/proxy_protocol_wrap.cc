#include "proxy_protocol_wrap.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "../protocol/proxy_protocol.h"

namespace limpet {

namespace {

using Family = ClientAddress::Family;

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void set_endpoint(Call& call, napi_value result, bool is_source, const ProxyHeader& header) {
  const ClientAddress& address = is_source ? header.source : header.destination;
  const char* const name = is_source ? "source" : "destination";
  if (address.family == Family::kUnix) {
    call.set(result, name,
             call.buffer(text_of(header.paths.subspan(is_source ? 0 : kProxyPathBytes, kProxyPathBytes))));
  } else if (address.family != Family::kNone) {
    call.set(result, name, call.of(std::string_view(AddressText(address).text)));
    call.set(result, is_source ? "sourcePort" : "destinationPort", call.of(static_cast<double>(address.port)));
  }
}

// Type, place in the head, length: three numbers a vector.
napi_value places_of(Call& call, const ProxyHeader& header, const uint8_t* head) {
  std::vector<double> places;
  ProxyTlvReader reader(header.tlvs);
  for (ProxyTlv tlv; reader.next(tlv);) {
    places.insert(places.end(), {static_cast<double>(tlv.type), static_cast<double>(tlv.value.data() - head),
                                 static_cast<double>(tlv.value.size())});
  }
  return call.f64_array(places.size(), [&](std::span<double> into) { std::ranges::copy(places, into.begin()); });
}

napi_value decode(Call& call) {
  const auto head = call.bytes(0);
  ProxyHeader header;
  const ProxyVerdict verdict = decode_proxy(head, call.u32(1), header);
  if (verdict.status == ProxyStatus::kMore) return call.of(0.0);
  if (verdict.status == ProxyStatus::kRefused) return call.of(-static_cast<double>(verdict.fault));
  const napi_value result = call.object();
  call.set(result, "length", call.of(static_cast<double>(verdict.length)));
  call.set(result, "version", call.of(static_cast<double>(header.version)));
  call.set(result, "command", call.of(static_cast<double>(header.command)));
  call.set(result, "transport", call.of(static_cast<double>(header.transport)));
  set_endpoint(call, result, true, header);
  set_endpoint(call, result, false, header);
  call.set(result, "tlvs", places_of(call, header, head.data()));
  return result;
}

// From the type and the length of each, and their values one behind the other.
std::vector<ProxyTlv> tlvs_of(std::span<const uint32_t> heads, std::span<const uint8_t> values) {
  std::vector<ProxyTlv> tlvs;
  for (size_t at = 0; at + 1 < heads.size(); at += 2) {
    const size_t length = std::min<size_t>(heads[at + 1], values.size());
    tlvs.push_back({static_cast<uint8_t>(heads[at]), values.first(length)});
    values = values.subspan(length);
  }
  return tlvs;
}

napi_value encode(Call& call) {
  const auto into = call.bytes(0);
  ProxyHeader header;
  header.version = static_cast<uint8_t>(call.u32(1));
  header.command = call.u32(2) == 0 ? ProxyCommand::kLocal : ProxyCommand::kProxy;
  header.transport = static_cast<ProxyTransport>(std::min(call.u32(3), 2U));
  header.paths = call.bytes(8);
  if (!header.paths.empty()) {
    header.source.family = header.destination.family = Family::kUnix;
  } else {
    header.source = normalised(call.address(4).value_or(ClientAddress()));
    header.destination = normalised(call.address(6).value_or(ClientAddress()));
    header.source.port = static_cast<uint16_t>(call.u32(5));
    header.destination.port = static_cast<uint16_t>(call.u32(7));
  }
  if (header.version == 1) return call.of(static_cast<double>(encode_proxy_v1(header, into)));
  const auto tlvs = tlvs_of(call.words(9), call.bytes(10));
  return call.of(static_cast<double>(encode_proxy_v2(header, tlvs, call.flag(11), into)));
}

napi_value fault_text(Call& call) {
  return call.of(std::string_view(proxy_fault_text(static_cast<ProxyFault>(call.u32(0)))));
}

}  // namespace

napi_value make_proxy_protocol(napi_env env) {
  const Property properties[] = {function<decode>("decode"), function<encode>("encode"),
                                 function<fault_text>("faultText")};
  napi_value proxy = nullptr;
  napi_create_object(env, &proxy);
  napi_define_properties(env, proxy, std::size(properties), properties);
  return proxy;
}

}  // namespace limpet
