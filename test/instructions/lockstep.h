// A relay with one worker, and this thread as its client and its backend. Each step is waited for before the next one,
// so that the worker is woken for the same things every time.
#pragma once

#include "support/relay_rig.h"

namespace limpet::test {

class Lockstep {
 public:
  Lockstep() : rig_({.workers = 1}) {
    rig_.set("a", port_.number());
    rig_.listen();
    rig_.relay.accept(rig_.listener);
  }
  void open() {
    client_ = begin_connection(rig_.own_port());
    backend_ = port_.accept();
    CHECK(backend_.open());
  }
  void round_trip() {
    CHECK(client_.write(message_) && backend_.read(message_.size()) == message_);
    CHECK(backend_.write(message_) && client_.read(message_.size()) == message_);
  }
  void close() {
    client_.close();
    CHECK(backend_.ends());
    backend_.close();
    CHECK(rig_.idle());
  }
  // The program's exit status.
  int finish() {
    rig_.check_balance();
    return failures.load() == 0 ? 0 : 1;
  }

 private:
  const std::string message_ = std::string(64, 'x');
  Port port_;
  Rig rig_;
  Socket client_;
  Socket backend_;
};

}  // namespace limpet::test
