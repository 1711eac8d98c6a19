#include "tls_client_hello.h"

#include <algorithm>

#include "lines.h"

namespace limpet {

namespace {

constexpr uint8_t kHandshake = 22;
constexpr uint8_t kMajorVersion = 3;
constexpr uint16_t kMaxRecord = 1 << 14;  // RFC 8446, 5.1
constexpr size_t kMessageHeader = 4;
constexpr uint8_t kClientHelloType = 1;
constexpr size_t kMaxSessionId = 32;
constexpr size_t kRandom = 32;
constexpr size_t kMaxHostName = 255;
constexpr uint16_t kTls13 = 0x0304;

// Whether the part of the message that has come can be that of a ClientHello, and whether it is whole.
Verdict progress(Bytes message) {
  Reader reader(message);
  const uint8_t type = reader.u8();
  if (reader.overrun()) return Verdict::kMore;
  if (type != kClientHelloType) return Verdict::kMissing;
  const uint32_t size = reader.u24();
  if (reader.overrun()) return Verdict::kMore;
  if (size > kMaxHeadBytes - kMessageHeader) return Verdict::kMissing;
  return reader.left() >= size ? Verdict::kFound : Verdict::kMore;
}

// Puts what has come of the message together, in `scratch`.
Verdict gather(Bytes head, Scratch& scratch, size_t& size) {
  Reader records(head);
  size = 0;
  for (;;) {
    // Byte by byte: another protocol is to be told by its first one.
    const uint8_t type = records.u8();
    if (records.overrun()) return Verdict::kMore;
    if (type != kHandshake) return Verdict::kMissing;
    const uint8_t major = records.u8();
    if (records.overrun()) return Verdict::kMore;
    if (major != kMajorVersion) return Verdict::kMissing;
    records.u8();  // minor: 1 of most, for servers of old
    const uint16_t length = records.u16();
    if (records.overrun()) return Verdict::kMore;
    if (length == 0 || length > kMaxRecord || length > scratch.size() - size) return Verdict::kMissing;
    const Bytes part = records.take(std::min<size_t>(length, records.left()));
    std::copy(part.begin(), part.end(), scratch.begin() + static_cast<std::ptrdiff_t>(size));
    size += part.size();
    const Verdict verdict = progress(Bytes(scratch).first(size));
    if (verdict != Verdict::kMore || part.size() < length) return verdict;
  }
}

bool well_formed_extensions(Bytes extensions) {
  Reader reader(extensions);
  TlsExtension extension;
  while (reader.left() > 0) {
    if (!next_extension(reader, extension)) return false;
  }
  return true;
}

bool parse(Bytes message, ClientHello& hello) {
  Reader reader(message);
  reader.u8();
  Reader body(reader.take(reader.u24()));
  hello.version = body.u16();
  body.take(kRandom);
  hello.session_id = body.take(body.u8());
  hello.cipher_suites = body.take(body.u16());
  const Bytes compressions = body.take(body.u8());
  if (body.overrun() || compressions.empty() || hello.session_id.size() > kMaxSessionId) return false;
  if (hello.cipher_suites.empty() || hello.cipher_suites.size() % 2 != 0) return false;
  // There were hellos without extensions before TLS 1.2.
  if (body.left() == 0) return true;
  hello.extensions = body.take(body.u16());
  return !body.overrun() && body.left() == 0 && well_formed_extensions(hello.extensions);
}

bool speaks_tls13(const ClientHello& hello) {
  Reader reader(extension_of(hello, kSupportedVersionsExtension));
  Reader versions(reader.take(reader.u8()));
  while (versions.left() >= 2) {
    if (versions.u16() == kTls13) return true;
  }
  return false;
}

// The host name of the extension; empty: none, or malformed.
std::string_view host_name(Bytes data) {
  Reader reader(data);
  Reader names(reader.take(reader.u16()));
  while (names.left() > 0) {
    const uint8_t type = names.u8();
    const Bytes name = names.take(names.u16());
    if (names.overrun()) return {};
    if (type == 0) return name.size() <= kMaxHostName ? text_of(name) : std::string_view{};
  }
  return {};
}

}  // namespace

Verdict read_client_hello(Bytes head, Scratch& scratch, ClientHello& hello) {
  size_t size = 0;
  const Verdict verdict = gather(head, scratch, size);
  if (verdict != Verdict::kFound) return verdict;
  return parse(Bytes(scratch).first(size), hello) ? Verdict::kFound : Verdict::kMissing;
}

bool next_extension(Reader& extensions, TlsExtension& extension) {
  if (extensions.left() == 0) return false;
  extension.type = extensions.u16();
  extension.data = extensions.take(extensions.u16());
  return !extensions.overrun();
}

Bytes extension_of(const ClientHello& hello, uint16_t type) {
  Reader reader(hello.extensions);
  TlsExtension extension;
  while (next_extension(reader, extension)) {
    if (extension.type == type) return extension.data;
  }
  return {};
}

AlpnNames::AlpnNames(const ClientHello& hello) : names_(Bytes{}) {
  Reader reader(extension_of(hello, kAlpnExtension));
  names_ = Reader(reader.take(reader.u16()));
}

bool AlpnNames::next(std::string_view& name) {
  if (names_.left() == 0) return false;
  name = text_of(names_.take(names_.u8()));
  return !names_.overrun() && !name.empty();
}

std::string_view server_name_of(const ClientHello& hello, Scratch& scratch) {
  const std::string_view name = host_name(extension_of(hello, kServerNameExtension));
  if (name.empty()) return {};
  const auto begin = scratch.begin() + (bytes_of(name).data() - scratch.data());
  std::transform(begin, begin + static_cast<std::ptrdiff_t>(name.size()), begin,
                 [](uint8_t letter) { return static_cast<uint8_t>(lower(static_cast<char>(letter))); });
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

Extraction tls_sni(Bytes head, Scratch& scratch) {
  ClientHello hello;
  const Verdict verdict = read_client_hello(head, scratch, hello);
  return verdict == Verdict::kFound ? found(server_name_of(hello, scratch)) : Extraction{verdict, {}};
}

Extraction tls_alpn(Bytes head, Scratch& scratch) {
  ClientHello hello;
  const Verdict verdict = read_client_hello(head, scratch, hello);
  if (verdict != Verdict::kFound) return {verdict, {}};
  AlpnNames names(hello);
  std::string_view name;
  while (names.next(name)) {
    const bool grease = name.size() == 2 && is_grease(Reader(bytes_of(name)).u16());
    if (!grease) return found(name);
  }
  return kNoKey;
}

Extraction tls_session_id(Bytes head, Scratch& scratch) {
  ClientHello hello;
  const Verdict verdict = read_client_hello(head, scratch, hello);
  if (verdict != Verdict::kFound) return {verdict, {}};
  return speaks_tls13(hello) ? kNoKey : found(text_of(hello.session_id));
}

}  // namespace limpet
