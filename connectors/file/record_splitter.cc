#include "connectors/file/record_splitter.h"

#include <algorithm>

namespace leadflow {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kSeparators = ",;\t";

std::int64_t CountLines(std::string_view bytes) {
  return std::count(bytes.begin(), bytes.end(), '\n');
}

std::string_view WithoutReturn(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

RecordSplitter::Step RecordSplitter::Next(std::string_view data, bool last) {
  switch (layout_) {
    case Layout::kLines: return NextLine(data, last);
    case Layout::kTable: return NextRow(data, last);
    case Layout::kJson: return NextValue(data, last);
  }
  return {};
}

RecordSplitter::Step RecordSplitter::NextLine(std::string_view data, bool last) {
  std::size_t at = 0;
  std::int64_t lines = 0;
  for (;;) {
    const std::string_view rest = data.substr(at);
    const std::size_t end = rest.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view line = WithoutReturn(rest.substr(0, end));
    if (line.size() > kMaxRecord) {
      return {Found::kBad,    line.substr(0, kMaxRecord), at + kMaxRecord, lines, lines, false,
              "line too long"};
    }
    if (!whole && !last) return {Found::kNothing, {}, at, lines};
    const std::int64_t before = lines;
    at += whole ? end + 1 : rest.size();
    lines += whole ? 1 : 0;
    if (!line.empty()) return {Found::kRecord, line, at, lines, before};
    if (!whole) return {Found::kNothing, {}, at, lines};
  }
}

// A quote opens a field only where a field begins, so a stray one inside of text ends no record.
RecordSplitter::Step RecordSplitter::NextRow(std::string_view data, bool last) {
  std::size_t begin = 0;
  while (begin < data.size() && (data[begin] == '\n' || data[begin] == '\r')) ++begin;
  const std::int64_t skipped = CountLines(data.substr(0, begin));
  // What lies behind the limit decides nothing, so that it does not matter how much is there.
  data = data.substr(0, begin + kMaxRecord + 1);
  bool quoted = false;
  std::size_t at = begin;
  while (at < data.size()) {
    if (quoted) {
      const std::size_t quote = data.find('"', at);
      if (quote == std::string_view::npos) {
        at = data.size();
        break;
      }
      const bool doubled = quote + 1 < data.size() && data[quote + 1] == '"';
      quoted = doubled;
      at = quote + (doubled ? 2 : 1);
      continue;
    }
    const std::size_t stop = data.find_first_of("\"\n", at);
    if (stop == std::string_view::npos) {
      at = data.size();
      break;
    }
    if (data[stop] == '\n') {
      const std::string_view row = data.substr(begin, stop - begin);
      return {Found::kRecord, WithoutReturn(row), stop + 1, CountLines(data.substr(0, stop + 1)),
              skipped};
    }
    quoted = stop == begin || kSeparators.find(data[stop - 1]) != std::string_view::npos;
    at = stop + 1;
  }
  const std::string_view row = data.substr(begin);
  if (row.size() > kMaxRecord || (last && quoted)) {
    // A quote that nobody closes must not take the rest of the file along: go on at the next line.
    const std::string_view line = row.substr(0, std::min(row.find('\n'), kMaxRecord));
    return {Found::kBad,
            line,
            begin,
            skipped,
            skipped,
            false,
            quoted ? "a quote is not closed" : "line too long"};
  }
  if (!last || row.empty()) return {Found::kNothing, {}, begin, skipped};
  return {Found::kRecord, WithoutReturn(row), data.size(), CountLines(data), skipped};
}

// Goes on scanning; true when the value's end is found, `*end` bytes in.
bool RecordSplitter::ScanValue(std::string_view data, JsonScan* scan, std::size_t* end) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    if (scan->escape) {
      scan->escape = false;
    } else if (scan->quoted) {
      if (c == '\\') scan->escape = true;
      if (c == '"') scan->quoted = false;
      if (c == '"' && scan->depth == 0) {
        *end = i + 1;
        return true;
      }
    } else if (c == '"') {
      scan->quoted = true;
    } else if (c == '{' || c == '[') {
      ++scan->depth;
    } else if (c == '}' || c == ']') {
      if (scan->depth <= 1) {  // Its own end, or that of the list around a scalar.
        *end = scan->depth == 1 ? i + 1 : i;
        return true;
      }
      --scan->depth;
    } else if (scan->depth == 0 && scan->scalar &&
               (c == ',' || kSpace.find(c) != std::string_view::npos)) {
      *end = i;
      return true;
    }
    scan->scalar = scan->depth == 0;
  }
  return false;
}

RecordSplitter::Step RecordSplitter::NextValue(std::string_view data, bool last) {
  Step step;
  step.in_list = in_list_;
  std::size_t begin = 0;
  for (;; ++begin) {
    begin = std::min(data.find_first_not_of(kSpace, begin), data.size());
    const char c = begin < data.size() ? data[begin] : '\0';
    if (!step.in_list && c == '[') {
      step.in_list = true;
    } else if (step.in_list && c == ']') {
      step.in_list = false;
    } else if (c != ',') {
      break;
    }
  }
  const auto take = [&](Found found, std::size_t consumed) {
    step.found = found;
    step.consumed = consumed;
    step.lines_before = CountLines(data.substr(0, begin));
    step.lines = CountLines(data.substr(0, consumed));
    return step;
  };
  const std::size_t limit = step.in_list ? kMaxRecord : kMaxWholeValue;
  const std::string_view rest = data.substr(begin);
  JsonScan scan;
  std::size_t end = 0;
  if (ScanValue(rest.substr(0, limit), &scan, &end)) {
    // A closing bracket that opens nothing is taken along, so that every step gets on.
    end = std::max<std::size_t>(end, 1);
    step.record = rest.substr(0, end);
    return take(Found::kRecord, begin + end);
  }
  if (rest.size() > limit) {
    skip_ = scan;
    step.record = rest.substr(0, kMaxRecord);
    step.why = step.in_list ? "element larger than 64 KiB" : "value larger than 1 MiB";
    return take(Found::kBad, begin + limit);
  }
  if (rest.empty() || !last) return take(Found::kNothing, begin);
  step.record = rest;
  return take(Found::kRecord, data.size());
}

bool RecordSplitter::SkipRest(std::string_view data, std::size_t* consumed, std::int64_t* lines) {
  bool done = false;
  if (layout_ == Layout::kJson) {
    *consumed = data.size();
    done = ScanValue(data, &skip_, consumed);
  } else {
    const std::size_t end = data.find('\n');
    done = end != std::string_view::npos;
    *consumed = done ? end + 1 : data.size();
  }
  *lines = CountLines(data.substr(0, *consumed));
  return done;
}

}  // namespace leadflow
