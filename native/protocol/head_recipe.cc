#include <algorithm>
#include <charconv>
#include <optional>

#include "head_key.h"
#include "lines.h"
#include "proxy_tlv.h"

namespace limpet {

namespace {

struct Named {
  std::string_view text;
  HeadSource source;
  const char* name = "";
};

constexpr Named kPlain[] = {
    {"tls.sni", HeadSource::kTlsSni},
    {"tls.alpn", HeadSource::kTlsAlpn},
    {"tls.sessionId", HeadSource::kTlsSession},
    {"tls.ja4", HeadSource::kTlsJa4},
    {"rdp.cookie", HeadSource::kRdpCookie},
    {"rdp.token", HeadSource::kRdpToken},
    {"mqtt.clientId", HeadSource::kMqtt},
    {"redis.auth", HeadSource::kRedisAuth},
    {"ssh.version", HeadSource::kSshVersion},
    {"sip.callId", HeadSource::kSipCallId},
    {"socks.user", HeadSource::kSocksUser},
    {"http.path", HeadSource::kHttpPath},
    {"postgres.user", HeadSource::kPostgres, "user"},
    {"postgres.database", HeadSource::kPostgres, "database"},
};

// With a name behind the colon.
constexpr Named kWithName[] = {
    {"postgres.startup", HeadSource::kPostgres},
    {"http.cookie", HeadSource::kHttpCookie},
    {"http.header", HeadSource::kHttpHeader},
};

std::optional<uint32_t> whole_number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The part before the next colon, which is taken off.
std::string_view next_part(std::string_view& text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view part = text.substr(0, colon);
  text.remove_prefix(std::min(colon + 1, text.size()));
  return part;
}

std::optional<HeadRecipe> framed(HeadSource source, std::string_view places) {
  HeadRecipe recipe;
  recipe.source = source;
  const auto offset = whole_number(next_part(places));
  const auto length = whole_number(next_part(places));
  if (!offset || !length || *length == 0) return std::nullopt;
  recipe.offset = *offset;
  recipe.length = *length;
  if (source == HeadSource::kBytes) return places.empty() ? std::optional(recipe) : std::nullopt;
  if (places != "big" && places != "little") return std::nullopt;
  if (*length != 1 && *length != 2 && *length != 4) return std::nullopt;
  recipe.order = places == "big" ? ByteOrder::kBig : ByteOrder::kLittle;
  return recipe;
}

std::optional<HeadRecipe> of_proxy(std::string_view what) {
  if (what == "source") return HeadRecipe{.source = HeadSource::kProxySource};
  if (what == "vpcEndpoint") return HeadRecipe{.source = HeadSource::kProxyVpcEndpoint};
  const std::optional<uint32_t> type = what == "authority"  ? proxy_tlv::kAuthority
                                       : what == "uniqueId" ? proxy_tlv::kUniqueId
                                                            : whole_number(what);
  if (!type || *type > 0xff) return std::nullopt;
  return HeadRecipe{.source = HeadSource::kProxyTlv, .offset = *type};
}

}  // namespace

std::optional<HeadRecipe> parse_recipe(std::string_view text) {
  for (const Named& plain : kPlain) {
    if (text == plain.text) return HeadRecipe{.source = plain.source, .name = plain.name};
  }
  std::string_view rest = text;
  const std::string_view kind = next_part(rest);
  for (const Named& named : kWithName) {
    if (kind == named.text && !rest.empty()) return HeadRecipe{.source = named.source, .name = std::string(rest)};
  }
  if (kind == "bytes") return framed(HeadSource::kBytes, rest);
  if (kind == "lengthPrefixed") return framed(HeadSource::kLengthPrefixed, rest);
  if (kind == "proxy") return of_proxy(rest);
  return std::nullopt;
}

}  // namespace limpet
