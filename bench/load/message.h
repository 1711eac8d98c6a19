// What clients and backends say to each other: messages of 64 B that tell when a bit of them was changed.
#pragma once

#include <array>
#include <cstdint>

namespace limpet::bench {

enum class Verb : uint64_t {
  // The backend answers with a message of the same seed; another one may follow.
  kPing = 0x6c69'6d70'6574'0001,
  kAnswer,
  // From now on both sides send their pattern without end: the backend if words[2] is not 0, the client if words[3] is
  // not.
  kStream,
};

struct Message {
  std::array<uint64_t, 8> words{};

  Verb verb() const { return static_cast<Verb>(words[0]); }
  uint64_t seed() const { return words[1]; }
  bool down() const { return words[2] != 0; }
  bool up() const { return words[3] != 0; }
  bool intact() const { return words[7] == checksum(); }
  bool answers(const Message& request) const { return intact() && verb() == Verb::kAnswer && seed() == request.seed(); }

  uint64_t checksum() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < 7; i++) sum = mix(sum ^ words[i]);
    return sum;
  }

  // Invertible, so two messages that differ in one word differ in their sums (the finaliser of MurmurHash3).
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
    return x ^ (x >> 33);
  }
};
static_assert(sizeof(Message) == 64);

inline Message make_message(Verb verb, uint64_t seed, bool down = false, bool up = false) {
  Message message;
  message.words = {static_cast<uint64_t>(verb), seed,  down, up, Message::mix(seed + 1),
                   seed << 32 | seed >> 32,     ~seed, 0};
  message.words[7] = message.checksum();
  return message;
}

}  // namespace limpet::bench
