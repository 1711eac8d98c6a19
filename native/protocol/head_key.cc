#include "head_key.h"

#include "http_head.h"
#include "ja4.h"
#include "mqtt.h"
#include "postgres.h"
#include "proxy_key.h"
#include "rdp.h"
#include "redis_auth.h"
#include "sip.h"
#include "socks.h"
#include "ssh.h"
#include "tls_client_hello.h"

namespace limpet {

Extraction extract(const HeadRecipe& recipe, Bytes head, Scratch& scratch) {
  switch (recipe.source) {
    case HeadSource::kTlsSni:
      return tls_sni(head, scratch);
    case HeadSource::kTlsAlpn:
      return tls_alpn(head, scratch);
    case HeadSource::kTlsSession:
      return tls_session_id(head, scratch);
    case HeadSource::kTlsJa4:
      return tls_ja4(head, scratch);
    case HeadSource::kRdpCookie:
      return rdp_cookie(head);
    case HeadSource::kRdpToken:
      return rdp_token(head, scratch);
    case HeadSource::kMqtt:
      return mqtt_client_id(head);
    case HeadSource::kPostgres:
      return postgres_parameter(head, recipe.name);
    case HeadSource::kRedisAuth:
      return redis_auth(head);
    case HeadSource::kSshVersion:
      return ssh_version(head);
    case HeadSource::kSipCallId:
      return sip_call_id(head);
    case HeadSource::kSocksUser:
      return socks_user(head);
    case HeadSource::kHttpCookie:
      return http_cookie(head, recipe.name);
    case HeadSource::kHttpHeader:
      return http_header(head, recipe.name);
    case HeadSource::kHttpPath:
      return http_path(head);
    case HeadSource::kBytes:
      return bytes_at(head, recipe.offset, recipe.length);
    case HeadSource::kLengthPrefixed:
      return length_prefixed(head, recipe.offset, recipe.length, recipe.order);
    case HeadSource::kProxySource:
    case HeadSource::kProxyTlv:
    case HeadSource::kProxyVpcEndpoint:
    case HeadSource::kCount:
      break;
  }
  return kNoKey;
}

HeadKey first_key(const std::vector<HeadRecipe>& recipes, const SeenHead& head, Scratch& scratch, KeyJudge counts) {
  bool cut_short = false;
  for (const HeadRecipe& recipe : recipes) {
    if (recipe.source == HeadSource::kProxySource) {
      if (names_address(head.proxy)) return {{Verdict::kFound, {}}, false, true};
      continue;
    }
    const Extraction extraction =
        is_of_proxy(recipe) ? proxy_key(recipe, head.proxy) : extract(recipe, head.bytes, scratch);
    // One that stands before the others is waited for, even where they have theirs already.
    const bool more = extraction.verdict == Verdict::kMore;
    if (more && !head.ended) return {extraction, false};
    if (extraction.verdict == Verdict::kFound && counts(recipe.source, extraction.key)) return {extraction, false};
    cut_short = cut_short || more;
  }
  return {kNoKey, cut_short};
}

}  // namespace limpet
