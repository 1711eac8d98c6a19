// Protocols of lines: a first line, header fields, an empty line (RFC 9112, RFC 3261). Lines end in CRLF; a bare LF
// ends one, too (RFC 9112, 2.2).
#pragma once

#include <optional>
#include <string_view>

namespace limpet {

// Cuts lines off the front. An incomplete last line stays.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  // Without its end; nothing: it has not come as a whole.
  std::optional<std::string_view> next() {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

// Without spaces and tabs around it.
std::string_view trimmed(std::string_view text);

// ASCII, as names of fields and of hosts are compared.
char lower(char letter);
bool same_letters(std::string_view one, std::string_view other);

// The value of a line if it is a header field of that name.
std::optional<std::string_view> field_value(std::string_view line, std::string_view name);

// Whether a header field may begin so: a token and a colon, or the continuation of the field before it (RFC 9112, 5.2).
bool looks_like_field(std::string_view line);

// tchar of RFC 9110, 5.6.2: what names and methods are made of.
bool is_token_char(char letter);

}  // namespace limpet
