#include "os.h"

#include <cerrno>

#include "../os/descriptors.h"
#include "../os/notify.h"
#include "../os/privileges.h"
#include "../relay/listen_socket.h"
#include "../relay/socket_address.h"
#include "../relay/source_socket.h"

namespace limpet {

namespace {

napi_value send(Call& call) {
  return call.of(static_cast<double>(send_descriptors(static_cast<int>(call.i64(0)), call.bytes(1), call.words(2))));
}

napi_value receive(Call& call) {
  const auto count = call.words(3);
  if (count.empty()) return call.misuse("no room for the number of descriptors");
  const Received received = receive_descriptors(static_cast<int>(call.i64(0)), call.bytes(1), call.words(2));
  count[0] = static_cast<uint32_t>(received.descriptors);
  return call.of(static_cast<double>(received.bytes));
}

napi_value peer(Call& call) {
  PeerProcess peer{};
  if (const int error = peer_process(static_cast<int>(call.i64(0)), peer)) return call.of(static_cast<double>(-error));
  const napi_value result = call.object();
  call.set(result, "pid", call.of(static_cast<double>(peer.pid)));
  call.set(result, "uid", call.of(static_cast<double>(peer.uid)));
  call.set(result, "gid", call.of(static_cast<double>(peer.gid)));
  return result;
}

napi_value adopt(Call& call) {
  return call.of(
      static_cast<double>(-adopt_listen_socket(static_cast<int>(call.i64(0)), static_cast<int>(call.u32(1)))));
}

napi_value duplicate(Call& call) {
  return call.of(static_cast<double>(duplicate_descriptor(static_cast<int>(call.i64(0)))));
}

napi_value path_of(Call& call) { return call.buffer(unix_path(static_cast<int>(call.i64(0)))); }

napi_value open_unix(Call& call) {
  return call.of(static_cast<double>(open_unix_socket(call.text(0), static_cast<int>(call.u32(1)))));
}

napi_value open_tcp(Call& call) {
  const auto address = make_endpoint(call.text(0), static_cast<uint16_t>(call.u32(1)));
  if (!address || address->family() == AF_UNIX) return call.of(static_cast<double>(-EINVAL));
  // The options of the listener are set when it takes the socket.
  const ListenSettings settings{static_cast<int>(call.u32(3)), call.flag(2), 0, 0};
  return call.of(static_cast<double>(open_listen_socket(*address, settings, Keepalive{})));
}

napi_value user(Call& call) {
  const auto found = find_user(call.text(0));
  if (!found) return call.null();
  const napi_value result = call.object();
  call.set(result, "name", call.of(std::string_view(found->name)));
  call.set(result, "uid", call.of(static_cast<double>(found->uid)));
  call.set(result, "gid", call.of(static_cast<double>(found->gid)));
  return result;
}

napi_value group_number(Call& call) {
  const auto found = find_group(call.text(0));
  return found ? call.of(static_cast<double>(*found)) : call.null();
}

napi_value forbid_new_privileges(Call& call) { return call.of(static_cast<double>(-no_new_privileges())); }

napi_value transparent(Call& call) { return call.of(static_cast<double>(-try_transparent())); }

napi_value notify_manager(Call& call) { return call.of(static_cast<double>(-notify(call.text(0), call.text(1)))); }

}  // namespace

napi_value make_os(napi_env env) {
  const Property properties[] = {
      function<send>("send"),
      function<receive>("receive"),
      function<peer>("peer"),
      function<adopt>("adopt"),
      function<duplicate>("duplicate"),
      function<path_of>("unixPath"),
      function<open_unix>("openUnix"),
      function<notify_manager>("notify"),
      function<open_tcp>("openTcp"),
      function<user>("user"),
      function<transparent>("transparent"),
      function<group_number>("group"),
      function<forbid_new_privileges>("noNewPrivileges"),
  };
  napi_value os = nullptr;
  napi_create_object(env, &os);
  napi_define_properties(env, os, std::size(properties), properties);
  return os;
}

}  // namespace limpet
