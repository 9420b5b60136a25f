// RecordHeader: a name and a value beside the key and the value of a record, for subscribers.
#pragma once

#include <string_view>

namespace leadflow {

struct RecordHeader {
  std::string_view name;
  std::string_view value;
};

}  // namespace leadflow
