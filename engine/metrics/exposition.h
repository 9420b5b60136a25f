// Exposition: the text of one scrape, in the format that Prometheus reads (version 0.0.4). Family
// by family, each with its samples behind it. Not thread-safe.
//
//     out.Family("leadflow_events_total", Exposition::Type::kCounter, "Accepted events.");
//     out.Sample({{"source", "web"}}, 17);
//
// Values are integers, or nanoseconds that are written as decimal seconds, digit by digit.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/metrics/histogram.h"

namespace leadflow {

class Exposition {
 public:
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  // Of one family; what goes beyond is left out, and its number shown by Text. A scrape stays
  // readable whatever labels there are.
  static constexpr int kSamplesMax = 500;

  // Begins a family. It is shown without samples too. `name` and the names of labels: letters,
  // digits and _. Values of labels may hold any bytes: what is not UTF-8 is replaced.
  void Family(std::string_view name, Type type, std::string_view help);

  // A sample of the family that was begun last.
  void Sample(Labels labels, std::int64_t value);
  void Seconds(Labels labels, std::int64_t nanoseconds);
  void Histogram(Labels labels, const DurationHistogram& histogram);

  // Everything, with the number of samples that were left out. Call it once, at the end.
  std::string Text();

 private:
  bool Take();
  void Line(std::string_view suffix, Labels labels, Label last, std::string_view value);

  std::string text_;
  std::string name_;
  int samples_ = 0;  // of the family
  std::int64_t left_out_ = 0;
};

}  // namespace leadflow
