// What the head of a connection says of where it goes: by a key that is hashed or learnt, or by the name of a backend.
#pragma once

#include "../core/pool.h"
#include "../protocol/head_key.h"

namespace limpet {

struct HeadChoice {
  // With `named`, it decides where that backend cannot be followed; then no more bytes are wanted for it.
  HeadKey key;
  // By a routing token: a backend of the roster that serves those who name it.
  std::optional<Named> named;
};

// As first_key(). Of learnt keys (tls.sessionId) those count that the pool knows; routing tokens (rdp.token) are no
// keys, and those that lead nowhere are passed over. The calling thread is pinned, or the one that publishes.
HeadChoice choose(Pool& pool, const std::vector<HeadRecipe>& recipes, SeenHead head, Scratch& scratch, uint64_t now_ms);

// Whether one of the keys is learnt from the backends' answers.
bool learns_from_answers(const std::vector<HeadRecipe>& recipes);

}  // namespace limpet
