#include "engine/config/diagnostics.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/unicode.h"
#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

// More than anybody reads; the rest is only counted.
constexpr std::size_t kMostKept = 200;

// Longer source lines are shown as the part around the mistake.
constexpr std::size_t kMostColumns = 160;
constexpr std::size_t kColumnsBefore = 60;

constexpr std::size_t kMostWordBytes = 64;

constexpr std::string_view kHidden = "(not shown: it may hold a secret)";

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::vector<const Diagnostic*> Sorted(const std::vector<Diagnostic>& all) {
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(all.size());
  for (const Diagnostic& diagnostic : all) sorted.push_back(&diagnostic);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return a->at.line != b->at.line ? a->at.line < b->at.line : a->at.column < b->at.column;
  });
  return sorted;
}

// `count` errors, in words.
std::string Counted(int count, std::string_view word) {
  std::string text = std::to_string(count) + " " + std::string(word);
  if (count != 1) text += "s";
  return text;
}

// The source line, cut if it is long, and below it the underlining and the hint.
void AppendSource(const Diagnostic& diagnostic, std::string_view line, std::string* out) {
  std::string number = std::to_string(diagnostic.at.line);
  if (number.size() < 5) number.insert(0, 5 - number.size(), ' ');
  const std::size_t columns = CodePointCount(line);
  const auto column = static_cast<std::size_t>(std::max(diagnostic.at.column, 1)) - 1;
  std::size_t first = 0;
  if (columns > kMostColumns && column > kColumnsBefore) first = column - kColumnsBefore;
  const std::size_t last = std::min(columns, first + kMostColumns);

  std::string source;
  std::string padding;
  std::size_t index = 0;
  for (std::size_t at = 0; at < line.size() && index < last; ++index) {
    const CodePoint point = CodePointAt(line, at);
    if (index >= first) {
      const bool control = point.value < 0x20 && point.value != '\t';
      AppendUtf8(control ? 0xFFFD : point.value, &source);
      if (index < column) padding += point.value == '\t' ? '\t' : ' ';
    }
    at += point.size;
  }
  if (column > last) padding.append(column - last, ' ');
  const std::string_view before = first > 0 ? "..." : "";
  const std::string_view after = last < columns ? "..." : "";
  *out += number + " | " + std::string(before) + source + std::string(after) + "\n";

  const auto width = static_cast<std::size_t>(std::max(diagnostic.at.width, 1));
  const std::size_t room = last > column ? last - column : 1;
  *out += std::string(number.size(), ' ') + " | " + std::string(before.size(), ' ') + padding +
          std::string(std::min(width, room), '^');
  if (!diagnostic.hint.empty()) *out += " " + diagnostic.hint;
  *out += "\n";
}

// The escapes of GitHub's workflow commands; `:` and `,` only inside properties.
std::string GithubEscaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '%': out += "%25"; break;
      case '\r': out += "%0D"; break;
      case '\n': out += "%0A"; break;
      case ':': out += property ? "%3A" : ":"; break;
      case ',': out += property ? "%2C" : ","; break;
      default: out.push_back(c);
    }
  }
  return out;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ToLower(static_cast<unsigned char>(x)) == ToLower(static_cast<unsigned char>(y));
         });
}

// Damerau-Levenshtein distance (optimal string alignment) in bytes.
// REQUIRES: both at most kMostWordBytes long
int Distance(std::string_view a, std::string_view b) {
  using Row = std::array<int, kMostWordBytes + 1>;
  std::array<Row, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    Row& row = rows[i % 3];
    const Row& above = rows[(i - 1) % 3];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

Diagnostics::Diagnostics(std::string file, std::string text)
    : file_(std::move(file)), lines_(SplitLines(text)) {}

void Diagnostics::Add(Diagnostic diagnostic) {
  ++(diagnostic.severity == Severity::kError ? errors_ : warnings_);
  if (all_.size() < kMostKept) all_.push_back(std::move(diagnostic));
}

void Diagnostics::Error(std::string id, Position at, std::string message, std::string hint) {
  Add({Severity::kError, std::move(id), at, std::move(message), std::move(hint)});
}

void Diagnostics::Warning(std::string id, Position at, std::string message, std::string hint) {
  Add({Severity::kWarning, std::move(id), at, std::move(message), std::move(hint)});
}

void Diagnostics::HideLine(int line) {
  if (line <= 0 || static_cast<std::size_t>(line) > lines_.size()) return;
  lines_[static_cast<std::size_t>(line) - 1] = kHidden;
}

std::string Diagnostics::Text() const {
  if (errors_ + warnings_ == 0) return "";
  std::string out;
  for (const Diagnostic* diagnostic : Sorted(all_)) {
    const Position& at = diagnostic->at;
    out += file_;
    if (at.line > 0) out += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    out +=
        ": " + std::string(SeverityName(diagnostic->severity)) + ": " + diagnostic->message + "\n";
    if (at.line > 0 && static_cast<std::size_t>(at.line) <= lines_.size()) {
      AppendSource(*diagnostic, lines_[static_cast<std::size_t>(at.line) - 1], &out);
    } else if (!diagnostic->hint.empty()) {
      out += "  " + diagnostic->hint + "\n";
    }
  }
  const std::size_t unseen = static_cast<std::size_t>(errors_ + warnings_) - all_.size();
  if (unseen > 0) out += "... and " + std::to_string(unseen) + " more\n";
  if (errors_ > 0) out += Counted(errors_, "error");
  if (errors_ > 0 && warnings_ > 0) out += " and ";
  if (warnings_ > 0) out += Counted(warnings_, "warning");
  out += errors_ > 0 ? " in 1 file. Nothing was started.\n" : " in 1 file.\n";
  return out;
}

std::string Diagnostics::Json() const {
  std::string out = "[";
  for (const Diagnostic* diagnostic : Sorted(all_)) {
    out += out.size() > 1 ? ",\n {" : "\n {";
    out += "\"file\":";
    AppendJsonText(file_, &out);
    out += ",\"line\":" + std::to_string(diagnostic->at.line);
    out += ",\"column\":" + std::to_string(diagnostic->at.column);
    out += ",\"width\":" + std::to_string(diagnostic->at.width);
    out += ",\"severity\":";
    AppendJsonText(SeverityName(diagnostic->severity), &out);
    out += ",\"id\":";
    AppendJsonText(diagnostic->id, &out);
    out += ",\"message\":";
    AppendJsonText(diagnostic->message, &out);
    out += ",\"hint\":";
    AppendJsonText(diagnostic->hint, &out);
    out += "}";
  }
  out += out.size() > 1 ? "\n]\n" : "]\n";
  return out;
}

std::string Diagnostics::Github() const {
  std::string out;
  for (const Diagnostic* diagnostic : Sorted(all_)) {
    out += "::" + std::string(SeverityName(diagnostic->severity)) +
           " file=" + GithubEscaped(file_, true);
    if (diagnostic->at.line > 0) {
      out += ",line=" + std::to_string(diagnostic->at.line) +
             ",col=" + std::to_string(diagnostic->at.column);
    }
    std::string message = diagnostic->message;
    if (!diagnostic->hint.empty()) message += ": " + diagnostic->hint;
    out += "::" + GithubEscaped(message, false) + "\n";
  }
  return out;
}

std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > kMostWordBytes) return {};
  const auto length = static_cast<int>(CodePointCount(word));
  int best = std::min(2, length / 3) + 1;
  std::string_view nearest;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kMostWordBytes) continue;
    const int distance = EqualIgnoringCase(word, candidate) ? 0 : Distance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace leadflow
