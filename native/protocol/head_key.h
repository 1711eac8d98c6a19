// Which key a connection has: the first of an ordered list of sources that yields one.
#pragma once

#include <string>
#include <vector>

#include "framed.h"
#include "head.h"

namespace limpet {

// The numbers are those of HeadSource in src/native.ts.
enum class HeadSource : uint8_t {
  kTlsSni = 0,
  kTlsAlpn = 1,
  kTlsSessionId = 2,
  kTlsJa4 = 3,
  kRdpCookie = 4,
  kRdpToken = 5,
  kMqttClientId = 6,
  kPostgres = 7,  // name: the parameter
  kRedisAuth = 8,
  kSshVersion = 9,
  kSipCallId = 10,
  kSocksUser = 11,
  kHttpCookie = 12,  // name
  kHttpHeader = 13,  // name
  kHttpPath = 14,
  kBytes = 15,           // offset, length
  kLengthPrefixed = 16,  // offset, length: the size of the number, order
};
inline constexpr unsigned kHeadSources = 17;

struct HeadRecipe {
  HeadSource source = HeadSource::kBytes;
  std::string name;
  uint32_t offset = 0;
  uint32_t length = 0;
  ByteOrder order = ByteOrder::kBig;
};

Extraction extract(const HeadRecipe& recipe, Bytes head, Scratch& scratch);

// What the list has for a head. `at`: the place of the source that yielded it. `cut_short`: none did, and one of them
// might have with more bytes.
struct HeadKey {
  Extraction extraction;
  size_t at = 0;
  bool cut_short = false;
};

// `ended`: no byte will follow (the client's FIN, the limit of the head, or of the time): whoever still wanted more has
// no key.
HeadKey first_key(const std::vector<HeadRecipe>& recipes, Bytes head, bool ended, Scratch& scratch);

}  // namespace limpet
