#include "engine/base/wire.h"
#include "operators/facts/fact_builder.h"

namespace leadflow {

std::int64_t SeenMap::Add(std::uint64_t row, std::int64_t by) {
  const auto [at, inserted] = counts_.try_emplace(row, 0);
  at->second += by;
  const std::int64_t count = at->second;
  if (count == 0) counts_.erase(at);
  return count;
}

void SeenMap::Append(std::string* out) const {
  WireWriter writer(out);
  writer.Varint(counts_.size());
  for (const auto& [row, count] : counts_) {
    writer.Fixed64(row);
    writer.Signed(count);
  }
}

bool SeenMap::Read(std::string_view* bytes) {
  counts_.clear();
  WireReader reader(*bytes);
  std::uint64_t size = 0;
  if (!reader.Varint(&size)) return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::uint64_t row = 0;
    std::int64_t count = 0;
    if (!reader.Fixed64(&row) || !reader.Signed(&count) || count == 0) return false;
    counts_.emplace_hint(counts_.end(), row, count);
  }
  *bytes = reader.Rest();
  return true;
}

}  // namespace leadflow
