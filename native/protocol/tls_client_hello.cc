#include "tls_client_hello.h"

#include <algorithm>

#include "lines.h"

namespace limpet {

namespace {

constexpr size_t kMaxHostName = 255;

bool parse(Bytes message, ClientHello& hello) {
  Reader reader(message);
  reader.u8();
  Reader body(reader.take(reader.u24()));
  hello.version = body.u16();
  body.take(kTlsRandomBytes);
  hello.session_id = body.take(body.u8());
  hello.cipher_suites = body.take(body.u16());
  const Bytes compressions = body.take(body.u8());
  if (body.overrun() || compressions.empty() || hello.session_id.size() > kMaxTlsSessionId) return false;
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
  Bytes message;
  const Verdict verdict = gather_message(head, TlsMessage::kClientHello, scratch, message);
  if (verdict != Verdict::kFound) return verdict;
  return parse(message, hello) ? Verdict::kFound : Verdict::kMissing;
}

Bytes extension_of(const ClientHello& hello, uint16_t type) {
  Bytes data;
  find_extension(hello.extensions, type, data);
  return data;
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
