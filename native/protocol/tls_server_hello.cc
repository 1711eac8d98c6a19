#include "tls_server_hello.h"

#include "tls_records.h"

namespace limpet {

namespace {

constexpr uint8_t kAlert = 21;
constexpr uint8_t kWarning = 1;
constexpr uint16_t kAlertBytes = 2;

// Takes off warnings, which may come before a ServerHello: unrecognized_name of servers that go on in spite of it (RFC
// 6066, 3).
Verdict skip_warnings(Bytes& answer) {
  for (;;) {
    Reader reader(answer);
    const uint8_t content = reader.u8();
    if (reader.overrun()) return Verdict::kMore;
    if (content != kAlert) return Verdict::kFound;
    const uint8_t major = reader.u8();
    if (reader.overrun()) return Verdict::kMore;
    if (major != kTlsMajorVersion) return Verdict::kMissing;
    reader.u8();  // minor
    const uint16_t length = reader.u16();
    if (reader.overrun()) return Verdict::kMore;
    if (length != kAlertBytes) return Verdict::kMissing;
    const uint8_t level = reader.u8();
    if (reader.overrun()) return Verdict::kMore;
    if (level != kWarning) return Verdict::kMissing;
    reader.u8();  // of what
    if (reader.overrun()) return Verdict::kMore;
    answer = reader.rest();
  }
}

// The session id; empty: there is none, or the message is malformed.
Bytes session_of(Bytes message) {
  Reader reader(message);
  reader.u8();
  Reader body(reader.take(reader.u24()));
  const uint16_t version = body.u16();
  body.take(kTlsRandomBytes);
  const Bytes session = body.take(body.u8());
  body.u16();  // cipher suite
  body.u8();   // compression
  if (body.overrun() || version >> 8 != kTlsMajorVersion || session.size() > kMaxTlsSessionId) return {};
  // There were hellos without extensions before TLS 1.2.
  if (body.left() == 0) return session;
  const Bytes extensions = body.take(body.u16());
  if (body.overrun() || body.left() > 0 || !well_formed_extensions(extensions)) return {};
  // A server of TLS 1.3 says so nowhere else, and no other may send it.
  Bytes versions;
  return find_extension(extensions, kSupportedVersionsExtension, versions) ? Bytes{} : session;
}

}  // namespace

Extraction tls_server_session_id(Bytes answer, Scratch& scratch) {
  if (const Verdict verdict = skip_warnings(answer); verdict != Verdict::kFound) return {verdict, {}};
  Bytes message;
  const Verdict verdict = gather_message(answer, TlsMessage::kServerHello, scratch, message);
  return verdict == Verdict::kFound ? found(text_of(session_of(message))) : Extraction{verdict, {}};
}

}  // namespace limpet
