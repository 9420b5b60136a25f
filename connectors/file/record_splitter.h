// RecordSplitter: finds the messages in the bytes of a file, one after another, without copies.
#pragma once

#include <cstdint>
#include <string_view>

#include "connectors/formats/formats.h"

namespace leadflow {

inline constexpr std::size_t kMaxRecord = 64 * 1024;
// One JSON object over several lines may hold many events (`{"orders": [...]}`).
inline constexpr std::size_t kMaxWholeValue = 1024 * 1024;

class RecordSplitter {
 public:
  enum class Found : unsigned char {
    kNothing,  // no whole record in `data`; `consumed` bytes are of no interest
    kRecord,   // `record`
    kBad,      // `record` is the beginning of what is none, see `why`: pass the rest with SkipRest
  };
  struct Step {
    Found found = Found::kNothing;
    std::string_view record;
    std::size_t consumed = 0;       // bytes of `data` that are done
    std::int64_t lines = 0;         // line breaks in them
    std::int64_t lines_before = 0;  // of these, before the record
    bool in_list = false;           // kJson: inside of a list behind them
    const char* why = "";
  };

  explicit RecordSplitter(Layout layout, bool in_list = false)
      : layout_(layout), in_list_(in_list) {}

  // The next record of `data`, which goes on where the last accepted step ended. `last`: nothing
  // follows. The same data give the same step until it is accepted.
  Step Next(std::string_view data, bool last);
  void Accept(const Step& step) { in_list_ = step.in_list; }

  // After kBad: passes bytes up to where the next record may begin; true when it is reached.
  bool SkipRest(std::string_view data, std::size_t* consumed, std::int64_t* lines);

  // kJson: inside of a list. Part of a position.
  bool in_list() const { return in_list_; }

 private:
  struct JsonScan {
    int depth = 0;
    bool quoted = false;
    bool escape = false;
    bool scalar = false;
  };

  Step NextLine(std::string_view data, bool last);
  Step NextRow(std::string_view data, bool last);
  Step NextValue(std::string_view data, bool last);
  static bool ScanValue(std::string_view data, JsonScan* scan, std::size_t* end);

  Layout layout_;
  bool in_list_;
  JsonScan skip_;
};

}  // namespace leadflow
