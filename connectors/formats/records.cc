#include "connectors/formats/records.h"

#include <algorithm>

namespace leadflow {
namespace {

bool TooMany(std::string* why) {
  *why = "more than " + std::to_string(kMaxColumns) + " columns";
  return false;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Takes a quoted field off the front of `rest`, which begins behind the opening quote; leaves the
// separator or nothing. nullopt: the quote is not closed, or text follows it.
std::optional<std::string_view> TakeQuoted(std::string_view* rest, char separator,
                                           EvalArena& arena) {
  std::size_t at = 0;
  bool doubled = false;
  for (;;) {
    at = rest->find('"', at);
    if (at == std::string_view::npos) return std::nullopt;
    if (at + 1 >= rest->size() || (*rest)[at + 1] != '"') break;
    doubled = true;
    at += 2;
  }
  std::string_view text = rest->substr(0, at);
  rest->remove_prefix(at + 1);
  if (!rest->empty() && rest->front() != separator) return std::nullopt;
  if (!doubled) return text;
  char* const copy = arena.Allocate(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    copy[size++] = text[i];
    if (text[i] == '"') ++i;
  }
  return std::string_view(copy, size);
}

}  // namespace

bool SplitCsv(std::string_view record, char separator, EvalArena& arena,
              std::vector<std::string_view>* fields, std::string* why) {
  fields->clear();
  for (;;) {
    if (fields->size() == kMaxColumns) return TooMany(why);
    if (!record.empty() && record.front() == '"') {
      record.remove_prefix(1);
      const auto field = TakeQuoted(&record, separator, arena);
      if (!field) {
        *why = "a quote of column " + std::to_string(fields->size() + 1) +
               " is not closed, or text follows it";
        return false;
      }
      fields->push_back(*field);
    } else {
      const std::size_t end = std::min(record.find(separator), record.size());
      fields->push_back(record.substr(0, end));
      record.remove_prefix(end);
    }
    if (record.empty()) return true;
    record.remove_prefix(1);  // the separator
  }
}

bool SplitTsv(std::string_view record, std::vector<std::string_view>* fields, std::string* why) {
  fields->clear();
  for (;;) {
    if (fields->size() == kMaxColumns) return TooMany(why);
    const std::size_t end = record.find('\t');
    fields->push_back(record.substr(0, end));
    if (end == std::string_view::npos) return true;
    record.remove_prefix(end + 1);
  }
}

char GuessSeparator(std::string_view header) {
  constexpr std::string_view kCandidates = ",;\t";
  std::size_t counts[3] = {0, 0, 0};
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    const std::size_t candidate = quoted ? std::string_view::npos : kCandidates.find(c);
    if (candidate != std::string_view::npos) ++counts[candidate];
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < 3; ++i) {
    if (counts[i] > counts[best]) best = i;
  }
  return kCandidates[best];
}

std::string_view DecodePercent(std::string_view text, EvalArena& arena) {
  if (text.find_first_of("+%") == std::string_view::npos) return text;
  char* const copy = arena.Allocate(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      copy[size++] = static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      copy[size++] = text[i] == '+' ? ' ' : text[i];
    }
  }
  return {copy, size};
}

}  // namespace leadflow
