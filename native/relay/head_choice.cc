#include "head_choice.h"

#include <algorithm>
#include <charconv>

#include "socket_address.h"

namespace limpet {

namespace {

// `ADDRESS:PORT`, as rdp_token() has it. Null: it is none.
std::shared_ptr<const SocketAddress> endpoint_of(std::string_view token) {
  const size_t colon = token.rfind(':');
  if (colon == std::string_view::npos) return nullptr;
  uint16_t port = 0;
  std::from_chars(token.data() + colon + 1, token.data() + token.size(), port);
  return make_endpoint(std::string(token.substr(0, colon)), port);
}

// A walk over the roster, kMaxBackends at most: once for each client that has a token, and no roster pays for an index.
std::optional<Named> backend_at(const Roster& roster, std::string_view token) {
  const auto wanted = endpoint_of(token);
  if (!wanted) return std::nullopt;
  for (const RosterEntry& entry : roster.entries) {
    const auto* const endpoint = static_cast<const SocketAddress*>(entry.endpoint.get());
    if (!endpoint || !entry.serves_pins() || !(*endpoint == *wanted)) continue;
    return Named{entry.backend->index, entry.backend->generation};
  }
  return std::nullopt;
}

}  // namespace

HeadChoice choose(Pool& pool, const std::vector<HeadRecipe>& recipes, SeenHead head, Scratch& scratch,
                  uint64_t now_ms) {
  HeadChoice choice;
  const auto counts = [&](HeadSource source, std::string_view key) {
    if (source == HeadSource::kTlsSession) return pool.knows(pool.key(bytes_of(key)), now_ms);
    if (source != HeadSource::kRdpToken) return true;
    choice.named = backend_at(pool.roster(), key);
    return false;
  };
  choice.key = first_key(recipes, head, scratch, counts);
  const bool waits = choice.key.extraction.verdict == Verdict::kMore;
  if (choice.named && waits) {
    head.ended = true;
    choice.key = first_key(recipes, head, scratch, counts);
  }
  return choice;
}

bool learns_from_answers(const std::vector<HeadRecipe>& recipes) {
  return std::any_of(recipes.begin(), recipes.end(),
                     [](const HeadRecipe& recipe) { return recipe.source == HeadSource::kTlsSession; });
}

}  // namespace limpet
