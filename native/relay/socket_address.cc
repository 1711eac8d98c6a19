#include "socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>

namespace limpet {

namespace {

constexpr char kUnixPrefix[] = "unix:";

std::shared_ptr<const SocketAddress> make_unix(const std::string& path) {
  auto address = std::make_shared<SocketAddress>();
  auto* un = reinterpret_cast<sockaddr_un*>(&address->storage);
  if (path.empty() || path.size() >= sizeof un->sun_path) return nullptr;
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.c_str(), path.size() + 1);
  address->length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

struct PortRange {
  unsigned first = 1;
  unsigned last = 65'535;
};

// Of this network namespace, as of the first use; the whole range if it cannot be read.
PortRange read_local_ports() {
  PortRange range;
  std::FILE* const file = std::fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
  if (!file) return range;
  if (std::fscanf(file, "%u %u", &range.first, &range.last) != 2) range = PortRange{};
  std::fclose(file);
  return range;
}

bool in_local_port_range(unsigned port) {
  static const PortRange range = read_local_ports();
  return port >= range.first && port <= range.last;
}

}  // namespace

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET) {
    const auto* a = reinterpret_cast<const sockaddr_in*>(&storage);
    const auto* b = reinterpret_cast<const sockaddr_in*>(&other.storage);
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
  }
  if (family() == AF_INET6) {
    const auto* a = reinterpret_cast<const sockaddr_in6*>(&storage);
    const auto* b = reinterpret_cast<const sockaddr_in6*>(&other.storage);
    return a->sin6_port == b->sin6_port && std::memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
  }
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

std::shared_ptr<const SocketAddress> make_endpoint(const std::string& host, uint16_t port) {
  if (host.rfind(kUnixPrefix, 0) == 0) return make_unix(host.substr(sizeof kUnixPrefix - 1));
  const auto parsed = parse_address(host);
  return parsed ? std::make_shared<const SocketAddress>(socket_address(*parsed, port)) : nullptr;
}

SocketAddress socket_address(const ClientAddress& ip, uint16_t port) {
  SocketAddress address;
  if (ip.family == ClientAddress::Family::kIpv4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr, ip.bytes.data(), 4);
    address.length = sizeof *in;
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    std::memcpy(&in6->sin6_addr, ip.bytes.data(), 16);
    address.length = sizeof *in6;
  }
  return address;
}

ClientAddress client_address(const SocketAddress& peer) {
  ClientAddress client;
  if (peer.family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&peer.storage);
    client.family = ClientAddress::Family::kIpv4;
    client.port = ntohs(in->sin_port);
    std::memcpy(client.bytes.data(), &in->sin_addr, 4);
  } else if (peer.family() == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&peer.storage);
    client.family = ClientAddress::Family::kIpv6;
    client.port = ntohs(in6->sin6_port);
    std::memcpy(client.bytes.data(), &in6->sin6_addr, 16);
  } else if (peer.family() == AF_UNIX) {
    client.family = ClientAddress::Family::kUnix;
  }
  return normalised(client);
}

SocketAddress peer_address(int fd) {
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) != 0) peer.length = 0;
  return peer;
}

ClientAddress peer_of(int fd) {
  const SocketAddress peer = peer_address(fd);
  return peer.length == 0 ? ClientAddress{} : client_address(peer);
}

SocketAddress local_address(int fd) {
  SocketAddress local;
  local.length = sizeof local.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local.storage), &local.length) != 0) local.length = 0;
  return local;
}

std::string address_text(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* bytes = nullptr;
  if (address.family() == AF_INET) bytes = &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr;
  if (address.family() == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr;
  if (bytes) inet_ntop(address.family(), bytes, text, sizeof text);
  return text;
}

uint16_t port_of(const SocketAddress& address) {
  if (address.family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  if (address.family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
  return 0;
}

bool may_self_connect(const SocketAddress& peer) {
  return peer.family() != AF_UNIX && in_local_port_range(port_of(peer));
}

bool is_self_connected(int fd, uint16_t port) {
  const SocketAddress local = local_address(fd);
  if (local.length == 0 || port_of(local) != port) return false;
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) != 0) return false;
  return local == peer;
}

}  // namespace limpet
