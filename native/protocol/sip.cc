#include "sip.h"

#include <algorithm>

#include "lines.h"

namespace limpet {

namespace {

constexpr std::string_view kVersion = "SIP/2.0";
constexpr size_t kMaxMethod = 32;

// A request begins with a method, which is a token; a response with the version, whose slash no token has.
bool can_begin_message(std::string_view text) {
  const std::string_view version = kVersion.substr(0, text.size());
  if (text.starts_with(version)) return true;
  const size_t space = text.find(' ');
  const std::string_view method = text.substr(0, space);
  if (method.size() > kMaxMethod || !std::all_of(method.begin(), method.end(), is_token_char)) return false;
  return space == std::string_view::npos || !method.empty();
}

bool is_first_line(std::string_view line) {
  if (line.starts_with(kVersion)) return line.size() > kVersion.size() && line[kVersion.size()] == ' ';
  return line.ends_with(kVersion) && line.size() > kVersion.size() && line[line.size() - kVersion.size() - 1] == ' ';
}

// RFC 3261, 7.3.1: blanks may stand before the colon.
std::string_view call_id_of(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view name = trimmed(line.substr(0, colon));
  const bool is_call_id = same_letters(name, "call-id") || same_letters(name, "i");
  return is_call_id ? trimmed(line.substr(colon + 1)) : std::string_view{};
}

}  // namespace

Extraction sip_call_id(Bytes head) {
  std::string_view text = text_of(head);
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  if (!can_begin_message(text)) return kNoKey;
  Lines lines(text);
  const auto first = lines.next();
  if (!first) return kNeedsMore;
  if (!is_first_line(*first)) return kNoKey;
  while (const auto line = lines.next()) {
    if (line->empty() || !looks_like_field(*line)) return kNoKey;
    const std::string_view id = call_id_of(*line);
    if (!id.empty()) return found(id);
  }
  return kNeedsMore;
}

}  // namespace limpet
