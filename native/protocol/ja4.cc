#include "ja4.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "sha256.h"
#include "tls_client_hello.h"

namespace limpet {

namespace {

constexpr size_t kFingerprint = 36;
constexpr size_t kHashDigits = 12;
// As many as the format can count; a hello has some dozens. More are counted as 99, and hashed as far.
constexpr size_t kMostValues = 512;

struct Values {
  std::array<uint16_t, kMostValues> all{};
  size_t count = 0;

  void add(uint16_t value) {
    if (!is_grease(value) && count < all.size()) all[count++] = value;
  }
  void sort() { std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)); }
};

struct Fingerprint {
  std::array<char, kFingerprint + 1> text{};
  size_t size = 0;

  void add(std::string_view part) {
    for (const char letter : part) text[size++] = letter;
  }
  void add_count(size_t count) {
    const auto shown = static_cast<char>(std::min<size_t>(count, 99));
    add(std::string{static_cast<char>('0' + shown / 10), static_cast<char>('0' + shown % 10)});
  }
};

constexpr std::string_view kDigits = "0123456789abcdef";

void add_hex(Sha256& sum, uint16_t value) {
  const std::array<char, 4> text = {kDigits[value >> 12], kDigits[value >> 8 & 15], kDigits[value >> 4 & 15],
                                    kDigits[value & 15]};
  sum.add(std::string_view(text.data(), text.size()));
}

void add_list(Sha256& sum, const Values& values) {
  for (size_t at = 0; at < values.count; at++) {
    if (at > 0) sum.add(",");
    add_hex(sum, values.all[at]);
  }
}

void add_hash(Fingerprint& print, Sha256& sum, bool empty) {
  print.add("_");
  if (empty) {
    print.add("000000000000");
    return;
  }
  const auto digest = sum.digest();
  for (size_t at = 0; at < kHashDigits / 2; at++) {
    const std::array<char, 2> text = {kDigits[digest[at] >> 4], kDigits[digest[at] & 15]};
    print.add({text.data(), text.size()});
  }
}

std::string_view version_text(uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    default:
      return "00";
  }
}

// The highest that is offered.
uint16_t version_of(const ClientHello& hello) {
  Reader reader(extension_of(hello, kSupportedVersionsExtension));
  Reader versions(reader.take(reader.u8()));
  uint16_t highest = 0;
  while (versions.left() >= 2) {
    const uint16_t version = versions.u16();
    if (!is_grease(version)) highest = std::max(highest, version);
  }
  return highest != 0 ? highest : hello.version;
}

bool is_alphanumeric(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
}

// First and last character of the first name; of its hexadecimal text where these are neither letters nor digits.
void add_alpn(Fingerprint& print, const ClientHello& hello) {
  AlpnNames names(hello);
  std::string_view name;
  if (!names.next(name)) {
    print.add("00");
    return;
  }
  const char first = name.front();
  const char last = name.back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) {
    print.add(std::string{first, last});
  } else {
    print.add(std::string{kDigits[static_cast<uint8_t>(first) >> 4], kDigits[static_cast<uint8_t>(last) & 15]});
  }
}

Values numbers_of(Bytes bytes) {
  Values values;
  Reader reader(bytes);
  while (reader.left() >= 2) values.add(reader.u16());
  return values;
}

Values extension_types(const ClientHello& hello) {
  Values values;
  Reader reader(hello.extensions);
  TlsExtension extension;
  while (next_extension(reader, extension)) values.add(extension.type);
  return values;
}

void add_extensions_hash(Fingerprint& print, const ClientHello& hello, const Values& types) {
  Values hashed;
  for (size_t at = 0; at < types.count; at++) {
    const uint16_t type = types.all[at];
    if (type != kServerNameExtension && type != kAlpnExtension) hashed.add(type);
  }
  hashed.sort();
  Reader reader(extension_of(hello, kSignatureAlgorithmsExtension));
  const Values algorithms = numbers_of(reader.take(reader.u16()));
  Sha256 sum;
  add_list(sum, hashed);
  if (algorithms.count > 0) sum.add("_");
  add_list(sum, algorithms);
  add_hash(print, sum, types.count == 0);
}

}  // namespace

Extraction tls_ja4(Bytes head, Scratch& scratch) {
  ClientHello hello;
  const Verdict verdict = read_client_hello(head, scratch, hello);
  if (verdict != Verdict::kFound) return {verdict, {}};
  const Values types = extension_types(hello);
  Values ciphers = numbers_of(hello.cipher_suites);
  Fingerprint print;
  print.add("t");
  print.add(version_text(version_of(hello)));
  // An empty server name is none.
  print.add(extension_of(hello, kServerNameExtension).empty() ? "i" : "d");
  print.add_count(ciphers.count);
  print.add_count(types.count);
  add_alpn(print, hello);
  ciphers.sort();
  Sha256 sum;
  add_list(sum, ciphers);
  add_hash(print, sum, ciphers.count == 0);
  add_extensions_hash(print, hello, types);
  // Nothing of the hello is needed any more.
  std::copy_n(print.text.begin(), print.size, scratch.begin());
  return found(text_of(Bytes(scratch).first(print.size)));
}

}  // namespace limpet
