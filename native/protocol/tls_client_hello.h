// The ClientHello of TLS (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2): what a client says before anything is encrypted.
#pragma once

#include "head.h"
#include "tls_records.h"

namespace limpet {

// Views into the scratch space that the message was put together in.
struct ClientHello {
  uint16_t version = 0;  // legacy_version: 0x0303 of TLS 1.3, too
  Bytes session_id;
  Bytes cipher_suites;  // numbers of two bytes
  Bytes extensions;     // checked: type, length, and as many bytes, to the end
};

// A message may be cut over several records (RFC 8446, 5.1), wherever the sender likes; here it is put together.
// kFound: `hello` is whole and well-formed.
Verdict read_client_hello(Bytes head, Scratch& scratch, ClientHello& hello);

// The data of the first extension of that type; empty where there is none.
Bytes extension_of(const ClientHello& hello, uint16_t type);

inline constexpr uint16_t kServerNameExtension = 0;
inline constexpr uint16_t kSignatureAlgorithmsExtension = 13;
inline constexpr uint16_t kAlpnExtension = 16;

// Values that clients send at random so that servers learn to ignore what they do not know (RFC 8701).
inline bool is_grease(uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

// Names of protocols, in the client's order (RFC 7301): `next` is false at the end, or where they are malformed.
class AlpnNames {
 public:
  explicit AlpnNames(const ClientHello& hello);
  bool next(std::string_view& name);

 private:
  Reader names_;
};

// The host name in lower case (RFC 6066, 3: names are compared so), without a last dot; empty: there is none.
// `scratch`: the space that the hello lies in.
std::string_view server_name_of(const ClientHello& hello, Scratch& scratch);

// SNI.
Extraction tls_sni(Bytes head, Scratch& scratch);

// The protocol that the client likes best.
Extraction tls_alpn(Bytes head, Scratch& scratch);

// The session that a client of TLS 1.2 wants to go on with. None where it is ready to speak TLS 1.3: what it sends
// there are random bytes (RFC 8446, D.4), and tickets change with every connection.
Extraction tls_session_id(Bytes head, Scratch& scratch);

}  // namespace limpet
