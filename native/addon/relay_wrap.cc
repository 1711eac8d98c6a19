#include "relay_wrap.h"

#include <cerrno>
#include <cstring>

#include "address_filter_wrap.h"
#include "head_keys_wrap.h"
#include "pool_wrap.h"
#include "route_rules_wrap.h"

namespace limpet {

namespace {

// Worker threads are cheap, but each has an epoch slot and a buffer.
constexpr uint32_t kMostThreads = 64;
// SIGHTS_AT_ONCE of src/native.ts.
constexpr uint32_t kMostSights = 512;

}  // namespace

Napi::Function RelayWrap::define(Napi::Env env) {
  return DefineClass(env, "Relay",
                     {
                         method<RelayWrap, &RelayWrap::add_pool>("addPool"),
                         method<RelayWrap, &RelayWrap::set_outgoing>("setOutgoing"),
                         method<RelayWrap, &RelayWrap::add_listener>("addListener"),
                         method<RelayWrap, &RelayWrap::set_routes>("setRoutes"),
                         method<RelayWrap, &RelayWrap::let_go>("letGo"),
                         method<RelayWrap, &RelayWrap::listen>("listen"),
                         method<RelayWrap, &RelayWrap::adopt>("adopt"),
                         method<RelayWrap, &RelayWrap::share>("share"),
                         method<RelayWrap, &RelayWrap::socket_of>("socket"),
                         method<RelayWrap, &RelayWrap::address>("address"),
                         method<RelayWrap, &RelayWrap::accept>("accept"),
                         method<RelayWrap, &RelayWrap::unlisten>("unlisten"),
                         method<RelayWrap, &RelayWrap::set_record>("setRecord"),
                         method<RelayWrap, &RelayWrap::set_others>("setOthers"),
                         method<RelayWrap, &RelayWrap::hand_over>("handOver"),
                         method<RelayWrap, &RelayWrap::pass_on>("passOn"),
                         method<RelayWrap, &RelayWrap::sessions>("sessions"),
                         method<RelayWrap, &RelayWrap::cut_sessions>("cutSessions"),
                         method<RelayWrap, &RelayWrap::survey>("survey"),
                         method<RelayWrap, &RelayWrap::surveyed>("surveyed"),
                         method<RelayWrap, &RelayWrap::close_session>("closeSession"),
                         method<RelayWrap, &RelayWrap::drain_records>("drainRecords"),
                         method<RelayWrap, &RelayWrap::stop>("stop"),
                     });
}

RelayWrap::RelayWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RelayWrap>(info), state_(&EnvState::of(info.Env())) {
  Call call(info);
  make(call);
}

void RelayWrap::make(Call& call) {
  const uint32_t threads = call.u32(0);
  if (threads < 1 || threads > kMostThreads) {
    call.misuse("a relay has 1 to 64 threads");
    return;
  }
  relay_ = std::make_shared<Relay>(state_->domain, threads);
  if (const int error = relay_->start(); error != 0) {
    call.failure((std::string("relay threads: ") + std::strerror(error)).c_str(), error);
    return;
  }
  state_->running.insert(this);
  const auto& counters = relay_->counters();
  call.set(call.self(), "counters", call.shared_counters(counters->data(), counters->bytes(), counters));
  const auto stride = static_cast<double>(counters->bytes() / sizeof(uint64_t) / (threads + 1));
  call.set(call.self(), "counterStride", call.of(stride));
  call.set(call.self(), "threads", call.of(static_cast<double>(threads)));
}

RelayWrap::~RelayWrap() { stop_threads(); }

void RelayWrap::stop_threads() {
  if (relay_) relay_->stop();
  if (state_) state_->running.erase(this);
  state_ = nullptr;
}

napi_value RelayWrap::add_pool(Call& call) {
  auto* const wrap = call.wrapped<PoolWrap>(0);
  if (!wrap || !wrap->pool()) return call.misuse("the pool is closed");
  const SessionTimeouts timeouts{call.u64(1), call.u64(2), call.u64(3)};
  const Keepalive keepalive{static_cast<int>(call.u32(5)), static_cast<int>(call.u32(6)), static_cast<int>(call.u32(7)),
                            call.u32(8)};
  const unsigned retries = std::min<uint32_t>(call.u32(4), kMaxRetries);
  HeadRules head;
  if (auto* const keys = call.wrapped<HeadKeysWrap>(9)) {
    const auto fallback = static_cast<KeyFallback>(std::min<uint32_t>(call.u32(10), kMaxKeyFallback));
    head = {keys->recipes(), fallback, keys->refuses_encryption(), {}};
  }
  if (auto* const by = call.wrapped<HeadKeysWrap>(11)) head.hot_by = by->recipes();
  head.hot_by_address = call.flag(12);
  return call.of(static_cast<double>(relay_->add_pool(wrap->pool(), timeouts, keepalive, retries, std::move(head))));
}

napi_value RelayWrap::add_listener(Call& call) {
  auto* const filter = call.wrapped<AddressFilterWrap>(3);
  const uint32_t before = call.missing(4) ? Relay::kNone : call.u32(4);
  PeekLimits peek;
  if (!call.missing(5)) peek = {std::min<uint32_t>(call.u32(5), kMaxHeadBytes), call.u64(6)};
  ProxyRules proxy;
  if (auto* const trust = call.wrapped<AddressFilterWrap>(7)) proxy = {trust->filter(), call.u64(8)};
  const auto filtered = filter ? filter->filter() : nullptr;
  const int id = relay_->add_listener(call.u32(0), call.u32(1), call.flag(2), filtered, before, peek, proxy);
  return id < 0 ? call.misuse("no such pool") : call.of(static_cast<double>(id));
}

napi_value RelayWrap::set_routes(Call& call) {
  auto* const rules = call.wrapped<RouteRulesWrap>(1);
  const bool set = rules && rules->rules() && relay_->set_routes(call.u32(0), rules->rules(), call.words(2));
  return set ? nullptr : call.misuse("no such listener, or no pool for a route");
}

napi_value RelayWrap::let_go(Call& call) { return call.of(relay_->let_go(call.u32(0))); }

napi_value RelayWrap::listen(Call& call) {
  const auto address = make_endpoint(call.text(1), static_cast<uint16_t>(call.u32(2)));
  if (!address) return call.of(static_cast<double>(-EINVAL));
  const ListenSettings settings{static_cast<int>(call.u32(4)), call.flag(3), static_cast<int>(call.u32(5)),
                                static_cast<int>(call.u32(6))};
  return call.of(static_cast<double>(relay_->listen(call.u32(0), *address, settings)));
}

napi_value RelayWrap::adopt(Call& call) {
  return call.of(static_cast<double>(relay_->adopt(call.u32(0), static_cast<int>(call.i64(1)))));
}

napi_value RelayWrap::share(Call& call) {
  return call.of(static_cast<double>(relay_->share(call.u32(0), call.u32(1))));
}

napi_value RelayWrap::socket_of(Call& call) { return call.of(static_cast<double>(relay_->socket_of(call.u32(0)))); }

napi_value RelayWrap::address(Call& call) {
  const SocketAddress address = relay_->address_of(call.u32(0));
  const std::string text = address_text(address);
  if (text.empty()) return call.null();
  const napi_value result = call.object();
  call.set(result, "address", call.of(text));
  call.set(result, "family", call.of(std::string_view(address.family() == AF_INET ? "IPv4" : "IPv6")));
  call.set(result, "port", call.of(static_cast<double>(port_of(address))));
  return result;
}

napi_value RelayWrap::accept(Call& call) {
  relay_->accept(call.u32(0));
  return nullptr;
}

napi_value RelayWrap::unlisten(Call& call) {
  return call.of(relay_->unlisten(call.u32(0), static_cast<Unlisten>(std::min<uint32_t>(call.u32(1), 2))));
}

napi_value RelayWrap::set_record(Call& call) {
  relay_->set_record(call.u32(0), call.flag(1));
  return nullptr;
}

napi_value RelayWrap::set_others(Call& call) {
  relay_->set_others(call.u32(0), call.u32(1));
  return nullptr;
}

napi_value RelayWrap::hand_over(Call& call) {
  const auto head = call.bytes(2);
  const auto fd = static_cast<int>(call.i64(1));
  const int status = relay_->hand_over(call.u32(0), fd, head.data(), head.size(), call.flag(3));
  return status < 0 ? call.misuse("no such listener") : call.of(static_cast<double>(status));
}

napi_value RelayWrap::pass_on(Call& call) {
  PassedClient client;
  client.head = call.bytes(2);
  if (!call.missing(3)) client.key = call.bytes(3);
  client.waited_ms = call.u64(4);
  client.look_ms = call.u64(5);
  client.record = call.flag(6);
  if (!call.missing(7)) client.named = Named{static_cast<uint16_t>(call.u32(7)), static_cast<uint16_t>(call.u32(8))};
  if (!call.missing(9)) client.proxy_header = call.bytes(9);
  return call.of(relay_->pass_on(call.u32(0), static_cast<int>(call.i64(1)), client));
}

napi_value RelayWrap::sessions(Call& call) {
  const int64_t listener = call.i64(0);
  if (listener < 0) return call.of(static_cast<double>(relay_->sessions()));
  const int64_t count = relay_->sessions_of(static_cast<uint32_t>(listener));
  return count < 0 ? call.misuse("no such listener") : call.of(static_cast<double>(count));
}

napi_value RelayWrap::cut_sessions(Call&) {
  relay_->cut();
  return nullptr;
}

napi_value RelayWrap::survey(Call& call) {
  const auto any_if_negative = [&](size_t at) {
    const int64_t given = call.i64(at);
    return given < 0 ? Survey::kAny : static_cast<uint32_t>(given);
  };
  auto survey = std::make_unique<Survey>();
  survey->from = call.u32(1);
  survey->most = std::min(call.u32(2), kMostSights);
  survey->pool = any_if_negative(3);
  survey->listener = any_if_negative(4);
  return call.of(relay_->survey(call.u32(0), std::move(survey)));
}

napi_value RelayWrap::surveyed(Call& call) {
  const auto into = call.bytes(0);
  const auto next = call.words(1);
  if (into.size() < kMostSights * sizeof(SessionSight) || next.empty()) return call.misuse("too small a buffer");
  const auto survey = relay_->surveyed();
  if (!survey) return call.of(-1.0);
  std::memcpy(into.data(), survey->found.data(), survey->found.size() * sizeof(SessionSight));
  next[0] = survey->next;
  return call.of(static_cast<double>(survey->found.size()));
}

napi_value RelayWrap::close_session(Call& call) {
  relay_->close_session(call.u32(0), call.u32(1), call.u64(2));
  return nullptr;
}

napi_value RelayWrap::drain_records(Call& call) {
  const auto into = call.bytes(0);
  return call.of(static_cast<double>(relay_->drain_records(into.data(), into.size() / sizeof(SessionRecord))));
}

napi_value RelayWrap::stop(Call&) {
  stop_threads();
  return nullptr;
}

}  // namespace limpet
