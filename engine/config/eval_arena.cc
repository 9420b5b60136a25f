#include <algorithm>
#include <cstring>

#include "engine/config/expression.h"
#include "engine/config/value.h"

namespace leadflow {

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kNull: return "null";
    case ValueType::kBool: return "bool";
    case ValueType::kInt: return "int";
    case ValueType::kDecimal: return "decimal";
    case ValueType::kString: return "string";
    case ValueType::kDuration: return "duration";
    case ValueType::kTime: return "time";
    case ValueType::kMoney: return "money";
    case ValueType::kAny: return "any";
  }
  return "unknown";
}

char* EvalArena::Allocate(std::size_t size) {
  while (block_ < blocks_.size()) {
    Block& block = blocks_[block_];
    if (block.size - used_ >= size) {
      char* const bytes = block.bytes.get() + used_;
      used_ += size;
      return bytes;
    }
    ++block_;
    used_ = 0;
  }
  const std::size_t block_size = std::max(size, kBlock);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_size), block_size});
  used_ = size;
  return blocks_.back().bytes.get();
}

std::string_view EvalArena::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* const copy = Allocate(bytes.size());
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

void EvalArena::Reset() {
  // One hostile event must not keep its memory for ever.
  constexpr std::size_t kMostBlocks = 16;
  if (blocks_.size() > kMostBlocks) blocks_.resize(kMostBlocks);
  std::erase_if(blocks_, [](const Block& block) { return block.size > 4 * kBlock; });
  block_ = 0;
  used_ = 0;
}

}  // namespace leadflow
