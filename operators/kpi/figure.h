// Figure: the exact value of a measure, a fraction of whole numbers, and how many digits it is
// shown with. Internal to operators/kpi.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operators/pipeline/kpi_spec.h"

namespace leadflow {

// The components of one row, by slot of the leaf.
struct SlotSums {
  std::int64_t sum = 0;
  std::int64_t count = 0;                                      // values of a mean
  std::vector<std::pair<std::int64_t, std::int64_t>> buckets;  // value, how many; ascending
  std::vector<std::int64_t> accounts;                          // occurrences of each account
};

struct Figure {
  bool present = false;  // false: no value
  __int128 numerator = 0;
  __int128 denominator = 1;  // above 0
  int digits = 0;

  std::optional<std::string> Text() const;
};

class FigureReader {
 public:
  // `money_exponent`: digits of the row's currency. Both arguments outlive it.
  FigureReader(const KpiSpec& kpi, const std::vector<SlotSums>& sums, int money_exponent)
      : kpi_(kpi), sums_(sums), money_exponent_(money_exponent) {}

  // A share (kShareOf) is that of its operand: dividing by the total is up to the caller.
  Figure Of(const Measure& measure) const;
  // What is above and below the line. REQUIRES: kRatio, kMean, kMeanTime
  std::pair<Figure, Figure> Parts(const Measure& measure) const;
  // Nearest rank: the smallest value that at least `quantile` of all are not above.
  Figure Quantile(const Measure& measure, double quantile) const;

 private:
  Figure Whole(const Measure& measure, std::int64_t value) const;
  const SlotSums& Sums(const Measure& measure) const;

  const KpiSpec& kpi_;
  const std::vector<SlotSums>& sums_;
  int money_exponent_;
};

// No value if one of them has none.
Figure Plus(const Figure& a, const Figure& b);

// No value if `b` is none or 0, or if the fraction does not fit in 128 bits.
Figure Divide(const Figure& a, const Figure& b, int digits);

}  // namespace leadflow
