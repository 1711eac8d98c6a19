// The bytes of a stick table's file: whatever they are, opening it ends well, and no pin is believed that was not
// stored. Input: what is done to the bytes of a whole file.
#include <fcntl.h>

#include "input.h"
#include "support/table_files.h"

using namespace limpet;
using namespace limpet::test;
using limpet::fuzz::Input;

namespace {

constexpr uint64_t kNow = 10'000'000;
constexpr uint64_t kWall = 1'800'000'000'000;
constexpr uint64_t kClients = 60;
constexpr size_t kHeader = 4096;
constexpr size_t kNamesInUse = 136 * 5;
const FileTableOptions kOptions{.size = 64};

AffinityKey key(uint64_t number) { return {mix64(number), static_cast<KeyKind>(1 + number % 3)}; }
Pin pin(uint64_t number) { return {static_cast<uint16_t>(number % 5), 3, number % 2 == 0, number % 7 == 0}; }

// In memory, where there is such a place: a file is written for every input.
const Directory& directory() {
  const char* const memory = "/dev/shm";
  static const Directory made(std::filesystem::is_directory(memory) ? std::filesystem::path(memory)
                                                                    : std::filesystem::temp_directory_path());
  return made;
}

const std::string& whole() {
  static const std::string bytes = [] {
    const std::string path = directory().file("whole");
    {
      FileTable one(path, moment(kNow, kWall), kOptions);
      for (uint16_t i = 0; i < 5; i++) one.name(i, "b" + std::to_string(i), 3);
      for (uint64_t i = 0; i < kClients; i++) one.store(key(i), pin(i), kNow);
    }
    return read_file(path);
  }();
  return bytes;
}

// Somewhere in the parts that mean something: most of a file is empty names.
size_t place(Input& input, size_t size) {
  const size_t buckets = size - StickTable::bytes_of(kOptions.size);
  switch (input.below(4)) {
    case 0:
      return input.word() % kHeader;
    case 1:
      return kHeader + input.word() % kNamesInUse;
    case 2:
      return buckets + input.word() % (size - buckets);
    default:
      return (size_t{input.word()} << 16 | input.word()) % size;
  }
}

std::string changed(Input& input) {
  std::string bytes = whole();
  while (!input.ended()) {
    const uint8_t operation = input.below(32);
    const size_t at = place(input, whole().size());
    if (operation == 0) {
      bytes.resize(at);
    } else if (operation == 1) {
      bytes.append(input.word(), static_cast<char>(input.byte()));
    } else if (operation < 6 && at + 128 < bytes.size()) {
      bytes.replace(at, 128, bytes, place(input, bytes.size() > 256 ? whole().size() - 128 : 1) % bytes.size(), 128);
    } else if (at < bytes.size()) {
      bytes[at] = static_cast<char>(bytes[at] ^ input.byte());
    }
    if (bytes.size() > whole().size() + 200'000) break;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::string path = directory().file("table");
  write_file(path, changed(input));
  for (unsigned opened = 0; opened < 2; opened++) {
    FileTable one(path, moment(kNow + 1, kWall + 1), kOptions);
    EXPECT(one.table != nullptr);
    size_t there = 0;
    for (uint64_t i = 0; i < kClients; i++) {
      const auto found = one.find(key(i), kNow + 1);
      if (!found) continue;
      there++;
      EXPECT(found->pin.same_backend(pin(i)) && found->pin.away == pin(i).away);
    }
    EXPECT(there <= one.table->entries() && one.table->entries() <= kClients);
    uint32_t cursor = 0;
    EXPECT(one.table->list(cursor, 1000, kNow + 1).size() >= there);
    one.store(key(kClients + opened), pin(1), kNow + 1);
    EXPECT(opened == 0 || one.file().replaced() == TableFound::kNothing);
    one.table->clear();
    EXPECT_EQUAL(one.table->entries(), size_t{0});
    for (uint64_t i = 0; i < kClients / 2 && opened == 0; i++) one.store(key(i), pin(i), kNow);
  }
  unlink((path + ".aside").c_str());
  return 0;
}
