// InboxReader: the messages of one source of the inbox: what webhooks and `leadflow load` have put
// into its topic, in the order in which it was committed there. On any Log.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/inbox/record.h"
#include "engine/api/source.h"
#include "engine/base/clock.h"
#include "engine/log/log.h"

namespace leadflow {

struct InboxReaderOptions {
  std::string topic;   // Has one partition.
  std::string format;  // Tells how bodies are split, see connectors/formats/formats.h.
  std::size_t ahead_bytes = std::size_t{1} << 20;
  // Where the reader ends, though more may come.
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
  // What is committed stays for so long, for a state that is made anew. 0: for ever.
  std::int64_t keep_ms = 0;
  bool show_offset = false;  // To the tools of the log's cluster.
  Clock* clock = &Clock::System();
};

class InboxReader final : public SourceReader {
 public:
  // Gets the line that names the columns, before the first message that it is for; empty: none.
  using HeaderSink = std::function<Status(std::string_view header)>;

  // `log` outlives it.
  InboxReader(Log* log, InboxReaderOptions options, HeaderSink sink);

  Status Seek(std::string_view position) override;
  Result<std::size_t> Read(std::size_t max_bytes,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override;
  std::string position() const override;
  bool AtEnd() const override { return next_ >= options_.end; }
  bool Idle() const override { return reader_ == nullptr || reader_->AtEnd(at_); }
  std::optional<TopicOffset> topic_offset() const override;
  std::optional<std::int64_t> records_left() const override {
    return reader_ == nullptr ? 0 : reader_->Left(at_);
  }
  void Committed(std::string_view position) override;

 private:
  using Handle = std::function<void(std::span<const MessageView>)>;

  Status Take(const LogRecord& record, const Handle& handle, const Bad& bad, std::size_t* count);
  bool TakeHeader(std::string_view header, const Bad& bad);
  void Split(std::string_view body, const MessageView& like, const Bad& bad);
  Status FindKept(std::int64_t committed);

  Log& log_;
  const InboxReaderOptions options_;
  const HeaderSink sink_;
  const TopicPartition at_;
  std::unique_ptr<LogReader> reader_;
  std::int64_t next_ = 0;
  std::optional<std::string> header_;  // That the sink has; nullopt: none yet.
  bool header_good_ = true;
  InboxRecord record_;
  std::vector<MessageView> views_;
  RecordExtras extras_;
  // Looks from the beginning for the first record that is young enough to stay.
  std::unique_ptr<LogReader> oldest_;
  std::int64_t look_ms_ = 0;  // Not before.
};

}  // namespace leadflow
