#include "app/memory_source.h"

#include <charconv>
#include <limits>

namespace leadflow::app {

MemorySource::MemorySource(const std::vector<std::string>& messages) : messages_(messages) {}

Status MemorySource::Seek(std::string_view position) {
  next_ = 0;
  std::from_chars(position.data(), position.data() + position.size(), next_);
  return {};
}

Result<std::size_t> MemorySource::Read(
    std::size_t, const std::function<void(std::span<const MessageView>)>& handle, const Bad&) {
  if (AtEnd()) return std::size_t{0};
  constexpr std::size_t kPadding = 64;  // What a JSON parser may read behind the end.
  const std::string& message = messages_[next_++];
  padded_ = message + std::string(kPadding, '\0');
  const MessageView view{.value = std::string_view(padded_).substr(0, message.size()),
                         .log_time_ms = std::numeric_limits<std::int64_t>::max() / 4,
                         .origin = "test",
                         .line = static_cast<std::int64_t>(next_)};
  handle({&view, 1});
  return std::size_t{1};
}

}  // namespace leadflow::app
