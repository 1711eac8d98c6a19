#include "os.h"

#include "../os/descriptors.h"
#include "../os/notify.h"

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

napi_value path_of(Call& call) { return call.buffer(unix_path(static_cast<int>(call.i64(0)))); }

napi_value open_unix(Call& call) {
  return call.of(static_cast<double>(open_unix_socket(call.text(0), static_cast<int>(call.u32(1)))));
}

napi_value notify_manager(Call& call) { return call.of(static_cast<double>(-notify(call.text(0), call.text(1)))); }

}  // namespace

napi_value make_os(napi_env env) {
  const Property properties[] = {
      function<send>("send"),
      function<receive>("receive"),
      function<peer>("peer"),
      function<adopt>("adopt"),
      function<path_of>("unixPath"),
      function<open_unix>("openUnix"),
      function<notify_manager>("notify"),
  };
  napi_value os = nullptr;
  napi_create_object(env, &os);
  napi_define_properties(env, os, std::size(properties), properties);
  return os;
}

}  // namespace limpet
