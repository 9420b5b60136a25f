// MemorySource: a source that is a list of messages, for `leadflow test`. Virtual time: no message
// is ever ahead of its log time.
#pragma once

#include <string>
#include <vector>

#include "engine/api/source.h"

namespace leadflow::app {

class MemorySource final : public SourceReader {
 public:
  // `messages` outlives it.
  explicit MemorySource(const std::vector<std::string>& messages);

  Status Seek(std::string_view position) override;
  Result<std::size_t> Read(std::size_t max_bytes,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override;
  std::string position() const override { return std::to_string(next_); }
  bool AtEnd() const override { return next_ == messages_.size(); }

 private:
  const std::vector<std::string>& messages_;
  std::string padded_;
  std::size_t next_ = 0;
};

}  // namespace leadflow::app
