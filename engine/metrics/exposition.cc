#include "engine/metrics/exposition.h"

#include <cstdlib>

#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

std::string_view TypeName(Exposition::Type type) {
  switch (type) {
    case Exposition::Type::kCounter: return "counter";
    case Exposition::Type::kGauge: return "gauge";
    case Exposition::Type::kHistogram: return "histogram";
  }
  return "";
}

// 1500000000 -> 1.5
std::string DecimalSeconds(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::string out = nanoseconds < 0 ? "-" : "";
  out += std::to_string(std::abs(nanoseconds / kSecond));
  std::string rest = std::to_string(std::abs(nanoseconds % kSecond));
  rest.insert(0, 9 - rest.size(), '0');
  rest.erase(rest.find_last_not_of('0') + 1);
  return rest.empty() ? out : out + "." + rest;
}

void AppendLabel(const Exposition::Label& label, std::string* out) {
  if (out->back() != '{') *out += ',';
  *out += label.first;
  *out += "=\"";
  for (const char c : ValidUtf8(label.second)) {
    if (c == '\n') {
      *out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') *out += '\\';
    *out += c;
  }
  *out += '"';
}

}  // namespace

void Exposition::Family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  samples_ = 0;
  text_ += "# HELP " + name_ + " ";
  text_ += help;
  text_ += "\n# TYPE " + name_ + " ";
  text_ += TypeName(type);
  text_ += '\n';
}

bool Exposition::Take() {
  if (samples_ >= kSamplesMax) {
    ++left_out_;
    return false;
  }
  ++samples_;
  return true;
}

void Exposition::Line(std::string_view suffix, Labels labels, Label last, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  if (labels.size() > 0 || !last.first.empty()) {
    text_ += '{';
    for (const Label& label : labels) AppendLabel(label, &text_);
    if (!last.first.empty()) AppendLabel(last, &text_);
    text_ += '}';
  }
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Exposition::Sample(Labels labels, std::int64_t value) {
  if (Take()) Line("", labels, {}, std::to_string(value));
}

void Exposition::Seconds(Labels labels, std::int64_t nanoseconds) {
  if (Take()) Line("", labels, {}, DecimalSeconds(nanoseconds));
}

void Exposition::Histogram(Labels labels, const DurationHistogram& histogram) {
  if (!Take()) return;
  const std::int64_t sum_ns = histogram.sum_ns();
  const auto counts = histogram.Cumulative();
  for (std::size_t i = 0; i < DurationHistogram::kBoundsMs.size(); ++i) {
    const std::string bound = DecimalSeconds(DurationHistogram::kBoundsMs[i] * 1'000'000);
    Line("_bucket", labels, {"le", bound}, std::to_string(counts[i]));
  }
  Line("_bucket", labels, {"le", "+Inf"}, std::to_string(counts.back()));
  Line("_sum", labels, {}, DecimalSeconds(sum_ns));
  Line("_count", labels, {}, std::to_string(counts.back()));
}

std::string Exposition::Text() {
  Family("leadflow_metrics_left_out", Type::kGauge,
         "Samples that this scrape leaves out because their family has too many.");
  const std::int64_t left_out = left_out_;
  Sample({}, left_out);
  return std::move(text_);
}

}  // namespace leadflow
