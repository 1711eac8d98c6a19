// The sessions of one worker, in numbered places that are used again: none is allocated while there is one to reuse,
// and none is freed before the worker is.
//
// What epoll hands back is a tag, not a pointer: a socket that was closed here stays in epoll while another process (a
// fork that has not called exec yet) or the one who handed it over holds a duplicate, and its events still come. A tag
// is used once, so that they are told from those of whatever has the place now.
#pragma once

#include <memory>
#include <vector>

#include "session.h"

namespace limpet {

class SessionSlab {
  // 16 million sessions, more than there are descriptors; 39 bits of serial number, two a connection, last for 8 years
  // at 1,000 connections a second, and then only the same number in the same place could be taken for another.
  static constexpr unsigned kPlaceBits = 24;

 public:
  // Smaller ones are no session's.
  static constexpr uint64_t kFirstTag = uint64_t{1} << (kPlaceBits + 1);

  // A fresh session.
  Session& claim() {
    if (free_.empty()) {
      sessions_.push_back(std::make_unique<Session>());
      sessions_.back()->place = static_cast<uint32_t>(sessions_.size() - 1);
      free_.reserve(sessions_.size());
      return *sessions_.back();
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    Session& session = *sessions_[place];
    std::destroy_at(&session);
    std::construct_at(&session);
    session.place = place;
    return session;
  }
  // Places that there are, whether they are taken or not.
  uint32_t places() const { return static_cast<uint32_t>(sessions_.size()); }
  // The live session that has a place; null: none has.
  Session* at(uint32_t place) const {
    Session& session = *sessions_[place];
    return session.listener && !session.dead ? &session : nullptr;
  }
  void give_back(const Session& session) { free_.push_back(session.place); }

  // A tag for a side's new socket; it is the side's until the socket is closed.
  uint64_t tag(Session& session, Which which) {
    const uint64_t tag = ++serial_ << kPlaceBits << 1 | uint64_t{session.place} << 1 | static_cast<uint64_t>(which);
    session.side(which).tag = tag;
    return tag;
  }
  static Which which(uint64_t tag) { return static_cast<Which>(tag & 1); }
  // Null: the socket of this tag was closed.
  Session* find(uint64_t tag) const {
    const uint64_t place = tag >> 1 & ((1U << kPlaceBits) - 1);
    if (place >= sessions_.size()) return nullptr;
    Session& session = *sessions_[place];
    return session.side(which(tag)).tag == tag ? &session : nullptr;
  }

 private:
  std::vector<std::unique_ptr<Session>> sessions_;  // by place
  std::vector<uint32_t> free_;
  uint64_t serial_ = 0;
};

}  // namespace limpet
