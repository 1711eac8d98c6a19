#include "http_head.h"

#include <algorithm>

#include "lines.h"

namespace limpet {

namespace {

// No method that is registered has more than 17 letters (UPDATEREDIRECTREF).
constexpr size_t kMaxMethod = 32;

// Whether what has come so far of the first line can begin a request: other protocols are told by their first bytes,
// and nobody waits for the end of a line that never comes.
bool can_begin_request(std::string_view text) {
  const size_t space = text.find(' ');
  const std::string_view method = text.substr(0, space);
  if (method.size() > kMaxMethod || !std::all_of(method.begin(), method.end(), is_token_char)) return false;
  return space == std::string_view::npos || !method.empty();
}

// The target of `METHOD target HTTP/1.x`; empty: it is none.
std::string_view target_of(std::string_view line) {
  const size_t begin = line.find(' ');
  const size_t end = line.rfind(' ');
  if (begin == std::string_view::npos || end <= begin) return {};
  const std::string_view version = line.substr(end + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return {};
  const std::string_view target = line.substr(begin + 1, end - begin - 1);
  return target.find(' ') == std::string_view::npos ? target : std::string_view{};
}

// Looks at the fields until `look` finds a key, or the head ends.
template <typename Look>
Extraction first_in_fields(Bytes head, Look look) {
  Lines lines(text_of(head));
  if (!can_begin_request(lines.rest())) return kNoKey;
  const auto request = lines.next();
  if (!request) return kNeedsMore;
  if (target_of(*request).empty()) return kNoKey;
  while (const auto line = lines.next()) {
    if (line->empty() || !looks_like_field(*line)) return kNoKey;
    const Extraction extraction = look(*line);
    if (extraction.verdict == Verdict::kFound) return extraction;
  }
  return kNeedsMore;
}

Extraction cookie_in(std::string_view pairs, std::string_view name) {
  while (!pairs.empty()) {
    const size_t end = std::min(pairs.find(';'), pairs.size());
    const std::string_view pair = trimmed(pairs.substr(0, end));
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) continue;
    const Extraction extraction = found(trimmed(pair.substr(equals + 1)));
    if (extraction.verdict == Verdict::kFound) return extraction;
  }
  return kNoKey;
}

// `http://host/path` has its path behind the host (RFC 9112, 3.2.2).
std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with('/') || target == "*") return target;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const size_t slash = target.find('/', scheme + 3);
  // Without a path it is `/`: one of those of the scheme, so that the key lies in the head.
  return slash == std::string_view::npos ? target.substr(scheme + 1, 1) : target.substr(slash);
}

}  // namespace

Extraction http_cookie(Bytes head, std::string_view name) {
  return first_in_fields(head, [name](std::string_view line) {
    const auto pairs = field_value(line, "cookie");
    return pairs ? cookie_in(*pairs, name) : kNoKey;
  });
}

Extraction http_header(Bytes head, std::string_view name) {
  return first_in_fields(head, [name](std::string_view line) {
    const auto value = field_value(line, name);
    return value ? found(*value) : kNoKey;
  });
}

Extraction http_path(Bytes head) {
  Lines lines(text_of(head));
  if (!can_begin_request(lines.rest())) return kNoKey;
  const auto request = lines.next();
  return request ? found(path_of(target_of(*request))) : kNeedsMore;
}

}  // namespace limpet
