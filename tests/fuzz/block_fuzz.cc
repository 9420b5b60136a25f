// Any bytes as a block between threads, and as what a task knows of itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/runtime/block.h"
#include "engine/runtime/task_meta.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<leadflow::MessageView> messages;
  std::vector<leadflow::BlockMark> marks;
  if (leadflow::ReadBlock(bytes, 0, &messages, &marks).ok()) {
    std::size_t total = 0;
    for (const leadflow::MessageView& message : messages) total += message.value.size();
    if (total > size) std::abort();
  }
  if (const auto meta = leadflow::DecodeMeta(bytes); meta.ok()) {
    const std::string again = leadflow::EncodeMeta(*meta);
    const auto same = leadflow::DecodeMeta(again);
    if (!same.ok() || leadflow::EncodeMeta(*same) != again) std::abort();
  }
  return 0;
}
