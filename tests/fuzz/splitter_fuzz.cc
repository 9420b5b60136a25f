// Any bytes cut into records: the same records and lines, however much is there at a time. The
// first byte chooses layout and size of the pieces; `~` stands for 30,000 letters, to reach the
// limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "connectors/file/record_splitter.h"

namespace leadflow {
namespace {

class Cutter {
 public:
  Cutter(Layout layout, std::string_view text, std::size_t piece)
      : splitter_(layout), text_(text), piece_(piece), end_(std::min(piece, text.size())) {}

  std::string Run() {
    for (;;) {
      const RecordSplitter::Step step = splitter_.Next(Data(), Last());
      if (step.consumed > Data().size() || step.lines_before > step.lines) std::abort();
      if (step.found != RecordSplitter::Found::kNothing) {
        const bool bad = step.found == RecordSplitter::Found::kBad;
        if (bad && *step.why == '\0') std::abort();
        if (!bad && step.consumed == 0) std::abort();
        if (step.record.size() > (bad ? kMaxRecord : kMaxWholeValue)) std::abort();
        seen_ += std::to_string(line_ + step.lines_before) + step.why + ":";
        seen_ +=
            std::string(step.record.substr(0, 100)) + std::to_string(step.record.size()) + "\n";
      }
      splitter_.Accept(step);
      Advance(step.consumed, step.lines);
      if (step.found == RecordSplitter::Found::kBad) PassBad();
      if (step.found == RecordSplitter::Found::kNothing && !More()) break;
    }
    seen_ += splitter_.in_list() ? "in a list" : "";
    const auto lines = std::count(text_.begin(), text_.begin() + static_cast<long>(begin_), '\n');
    if (line_ != lines + 1) std::abort();
    return seen_;
  }

 private:
  std::string_view Data() const { return text_.substr(begin_, end_ - begin_); }
  bool Last() const { return end_ == text_.size(); }
  bool More() {
    if (Last()) return false;
    end_ = std::min(end_ + piece_, text_.size());
    return true;
  }
  void Advance(std::size_t bytes, std::int64_t lines) {
    begin_ += bytes;
    line_ += lines;
  }
  void PassBad() {
    for (bool over = false; !over;) {
      std::size_t consumed = 0;
      std::int64_t lines = 0;
      over = splitter_.SkipRest(Data(), &consumed, &lines);
      if (consumed > Data().size()) std::abort();
      Advance(consumed, lines);
      if (!over && !More()) return;
    }
  }

  RecordSplitter splitter_;
  const std::string_view text_;
  const std::size_t piece_;
  std::size_t begin_ = 0;
  std::size_t end_;
  std::int64_t line_ = 1;
  std::string seen_;
};

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 2000) return 0;
  std::string text;
  for (std::size_t i = 1; i < size; ++i) {
    text.append(data[i] == '~' ? 30'000 : 1, data[i] == '~' ? 'x' : static_cast<char>(data[i]));
    if (text.size() > 300'000) return 0;
  }
  constexpr leadflow::Layout kLayouts[] = {leadflow::Layout::kLines, leadflow::Layout::kTable,
                                           leadflow::Layout::kJson};
  const leadflow::Layout layout = kLayouts[data[0] % 3];
  // Each new piece may look at all that waits: large texts come in large pieces.
  const std::size_t piece = std::max<std::size_t>(1 + data[0] / 3, text.size() / 16);
  const std::string whole = leadflow::Cutter(layout, text, text.size() + 1).Run();
  if (whole != leadflow::Cutter(layout, text, piece).Run()) std::abort();
  return 0;
}
