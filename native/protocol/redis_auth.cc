#include "redis_auth.h"

#include <array>
#include <charconv>
#include <optional>

#include "lines.h"

namespace limpet {

namespace {

// HELLO 3 AUTH user password SETNAME name
constexpr size_t kMaxWords = 7;
// The server takes no longer inline command (PROTO_INLINE_MAX_SIZE).
constexpr size_t kMaxLine = 64 * 1024;

struct Command {
  std::array<std::string_view, kMaxWords> words;
  size_t count = 0;
};

// `*3\r\n`, `$4\r\n`: the number behind the mark. `more`: the line has not come as a whole.
struct Number {
  uint32_t value = 0;
  Verdict verdict = Verdict::kMissing;
};

Number marked_number(std::string_view& text, char mark) {
  if (text.empty()) return {0, Verdict::kMore};
  if (text[0] != mark) return {};
  constexpr size_t kMaxDigits = 6;
  const size_t end = text.substr(0, kMaxDigits + 3).find("\r\n");
  if (end == std::string_view::npos) return {0, text.size() < kMaxDigits + 3 ? Verdict::kMore : Verdict::kMissing};
  uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + end, value);
  if (error != std::errc() || stop != text.data() + end) return {};
  text.remove_prefix(end + 2);
  return {value, Verdict::kFound};
}

Verdict read_word(std::string_view& text, std::string_view& word) {
  const Number length = marked_number(text, '$');
  if (length.verdict != Verdict::kFound) return length.verdict;
  if (length.value > kMaxLine) return Verdict::kMissing;
  if (text.size() < length.value + 2) return Verdict::kMore;
  word = text.substr(0, length.value);
  if (text.substr(length.value, 2) != "\r\n") return Verdict::kMissing;
  text.remove_prefix(length.value + 2);
  return Verdict::kFound;
}

bool can_log_in(std::string_view word) { return same_letters(word, "auth") || same_letters(word, "hello"); }

Verdict read_array(std::string_view text, Command& command) {
  const Number count = marked_number(text, '*');
  if (count.verdict != Verdict::kFound) return count.verdict;
  if (count.value < 2 || count.value > kMaxWords) return Verdict::kMissing;
  for (; command.count < count.value; command.count++) {
    const Verdict verdict = read_word(text, command.words[command.count]);
    if (verdict != Verdict::kFound) return verdict;
    if (!can_log_in(command.words[0])) return Verdict::kMissing;
  }
  return Verdict::kFound;
}

// An inline command: words between blanks. Passwords with blanks or quotes are for those who send arrays.
Verdict read_inline(std::string_view text, Command& command) {
  const std::string_view begin = text.substr(0, 4);
  if (!same_letters(begin, std::string_view("auth").substr(0, begin.size()))) return Verdict::kMissing;
  const auto line = Lines(text).next();
  if (!line) return Verdict::kMore;
  for (std::string_view rest = trimmed(*line); !rest.empty(); rest = trimmed(rest)) {
    if (command.count == kMaxWords) return Verdict::kMissing;
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
    command.words[command.count++] = word;
    rest.remove_prefix(word.size());
  }
  return Verdict::kFound;
}

std::string_view who_logs_in(const Command& command) {
  if (same_letters(command.words[0], "auth")) return command.count <= 3 ? command.words[1] : std::string_view{};
  for (size_t at = 2; at + 2 < command.count; at++) {
    if (same_letters(command.words[at], "auth")) return command.words[at + 1];
  }
  return {};
}

}  // namespace

Extraction redis_auth(Bytes head) {
  const std::string_view text = text_of(head);
  if (text.empty()) return kNeedsMore;
  Command command;
  const Verdict verdict = text[0] == '*' ? read_array(text, command) : read_inline(text, command);
  return verdict == Verdict::kFound ? found(who_logs_in(command)) : Extraction{verdict, {}};
}

}  // namespace limpet
