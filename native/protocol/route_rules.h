// Which of several services a connection is for: by the name and the protocols that its ClientHello asks for, and by
// the port that it came to. The first rule whose conditions hold decides.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "head.h"

namespace limpet {

// All of its conditions must hold; one without any holds for everybody.
struct RouteRule {
  std::string server_name;  // in lower case; `*.` before a name: whatever ends with it, of one label more or several;
                            // empty: any
  std::string protocol;     // one of those that the client offers (ALPN); empty: any
  uint16_t port = 0;        // 0: any
  uint32_t place = 0;       // what the caller knows it by
};

// kMore: a rule that stands before all that would hold could do so with more bytes. kMissing: there is none.
struct RouteChoice {
  Verdict verdict = Verdict::kMissing;
  uint32_t place = 0;
};

class RouteRules {
 public:
  explicit RouteRules(std::vector<RouteRule> rules);

  const std::vector<RouteRule>& rules() const { return rules_; }
  bool asks_for_head() const { return asks_for_head_; }
  bool asks_for_port() const { return asks_for_port_; }

  // `ended`: no byte will follow, or none is waited for; what is no whole ClientHello by then is none. `port` 0: it
  // came to none.
  RouteChoice choose(Bytes head, bool ended, uint16_t port, Scratch& scratch) const;
  // Of a client whose name and protocol are known, because its TLS was ended; empty: it has none.
  RouteChoice choose_for(std::string_view server_name, std::string_view protocol, uint16_t port) const;

 private:
  std::vector<RouteRule> rules_;
  bool asks_for_head_ = false;
  bool asks_for_port_ = false;
};

}  // namespace limpet
