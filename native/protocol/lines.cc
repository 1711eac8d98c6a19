#include "lines.h"

#include <algorithm>

namespace limpet {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool same_letters(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::optional<std::string_view> field_value(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  if (!same_letters(line.substr(0, name.size()), name)) return std::nullopt;
  return trimmed(line.substr(name.size() + 1));
}

bool is_token_char(char letter) {
  if ((letter >= '0' && letter <= '9') || (lower(letter) >= 'a' && lower(letter) <= 'z')) return true;
  return letter != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(letter) != std::string_view::npos;
}

bool looks_like_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) return true;
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  // SIP allows blanks before the colon (RFC 3261, 7.3.1); for HTTP such a field has another name than any that is
  // looked for.
  const std::string_view name = trimmed(line.substr(0, colon));
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_char);
}

}  // namespace limpet
