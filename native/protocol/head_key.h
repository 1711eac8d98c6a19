// Which key a connection has: the first of an ordered list of sources that yields one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../core/function_ref.h"
#include "framed.h"
#include "head.h"

namespace limpet {

struct ProxyHeader;

enum class HeadSource : uint8_t {
  kTlsSni,
  kTlsAlpn,
  kTlsSession,
  kTlsJa4,
  kRdpCookie,
  kRdpToken,
  kMqtt,
  kPostgres,  // name: the parameter
  kRedisAuth,
  kSshVersion,
  kSipCallId,
  kSocksUser,
  kHttpCookie,  // name
  kHttpHeader,  // name
  kHttpPath,
  kBytes,           // offset, length
  kLengthPrefixed,  // offset, length: the size of the number, order
  kProxySource,
  kProxyTlv,  // offset: its type
  kProxyVpcEndpoint,
  kCount,
};

struct HeadRecipe {
  HeadSource source = HeadSource::kBytes;
  std::string name = {};
  uint32_t offset = 0;
  uint32_t length = 0;
  ByteOrder order = ByteOrder::kBig;
};

// `tls.sni`, `http.cookie:NAME`, `postgres.startup:NAME`, `bytes:OFFSET:LENGTH`, `lengthPrefixed:OFFSET:SIZE:big`,
// `proxy:source`, `proxy:TYPE`, and so on. Nothing: it is none.
std::optional<HeadRecipe> parse_recipe(std::string_view text);

// Of a recipe that is about the head, and not about the PROXY header before it.
Extraction extract(const HeadRecipe& recipe, Bytes head, Scratch& scratch);

// What the list has for a connection. `cut_short`: none has a key, and one of them might with more bytes. `is_address`:
// it is found, and it is the address that the PROXY header names; `extraction` has no bytes then.
struct HeadKey {
  Extraction extraction;
  bool cut_short = false;
  bool is_address = false;
};

// Whether what a source has found counts as a key; if not, the next one is asked.
using KeyJudge = FunctionRef<bool(HeadSource, std::string_view)>;

// What has come of a client's first bytes. `ended`: no byte will follow (the client's FIN, the limit of the head, or of
// the time): whoever still wanted more has no key. `proxy`: the header that came before them; null: there was none.
struct SeenHead {
  Bytes bytes;
  bool ended = false;
  const ProxyHeader* proxy = nullptr;
};

HeadKey first_key(const std::vector<HeadRecipe>& recipes, const SeenHead& head, Scratch& scratch, KeyJudge counts);

}  // namespace limpet
