// leadflow load: sends files to a source of the inbox. What is sent and how far the file is sent
// are one transaction, so a load that was broken off goes on where it was.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include <poll.h>
#include <unistd.h>

#include "app/commands/commands.h"
#include "app/inbox.h"
#include "app/job.h"
#include "app/pipeline_file.h"
#include "app/progress_line.h"
#include "app/text_table.h"
#include "connectors/file/file_reader.h"
#include "connectors/inbox/record.h"
#include "engine/base/clock.h"
#include "engine/log/read_ranges.h"

namespace leadflow::app {
namespace {

constexpr std::size_t kRecordBytes = std::size_t{128} << 10;  // Of messages, about.
constexpr std::size_t kTransactionBytes = std::size_t{1} << 20;
constexpr int kAttemptsMax = 20;  // Of a commit that the log asks to send again.
constexpr std::int64_t kProgressWaitNs = std::int64_t{60} * 1'000'000'000;
constexpr std::string_view kStandardInput = "-";

void AwaitStandardInput() {
  constexpr int kWaitMs = 100;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  ::poll(&input, 1, kWaitMs);
}

const SourceSpec* Find(const Pipeline& pipeline, const std::string& name) {
  for (const SourceSpec& source : pipeline.sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

Status CheckSource(const Pipeline& pipeline, const SourceSpec* source, const std::string& name) {
  if (source == nullptr) {
    return Status::NotFound("no source `" + name + "` in the pipeline `" + pipeline.name + "`");
  }
  if (source->input == SourceSpec::Input::kInbox) return {};
  return Status::InvalidArgument("source `" + name +
                                 "` reads files or topics itself; to load it, write "
                                 "`inbox: {}` instead");
}

// The name of a file in the progress: the same wherever the command is called from.
std::string KeyOf(const SourceSpec& source, const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return source.name + '\n' + (error ? path : whole.lexically_normal().string());
}

// How far files have been sent, by their keys. REQUIRES: an older load of the same source is
// fenced, so what it has committed is written.
Result<std::map<std::string, std::string>> ReadProgress(Log& log, const TopicPartition& at) {
  std::map<std::string, std::string> progress;
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t written, log.WrittenOffset(at));
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log.StartOffset(at));
  const LogRange all{at, start, written};
  const std::int64_t begin_ns = Clock::System().MonotonicNanos();
  // Loads of other sources may have transactions open before what counts here.
  LEADFLOW_RETURN_IF_ERROR(ReadRanges(
      log, {&all, 1},
      [&](const TopicPartition&, std::span<const LogRecord> records) {
        for (const LogRecord& record : records) {
          progress[std::string(record.key)] = std::string(record.value);
        }
        return Status();
      },
      [&](const TopicPartition&, bool) {
        if (Clock::System().MonotonicNanos() - begin_ns <= kProgressWaitNs) return Status();
        return Status::Unavailable("topic `" + at.topic +
                                   "`: a transaction in it does not end; try again later");
      }));
  return progress;
}

// One file on its way into the inbox.
class FileLoad {
 public:
  FileLoad(LogWriter* writer, const Pipeline& pipeline, const SourceSpec& source,
           const std::string& path)
      : writer_(*writer),
        inbox_{InboxTopic(pipeline, source), 0},
        loads_{LoadsTopic(pipeline), 0},
        key_(path == kStandardInput ? std::string() : KeyOf(source, path)),
        reader_(
            {.path = path, .format = source.format, .follow = false, .clock = &Clock::System()}) {
    reader_.set_header_sink([this](std::string_view header) {
      header_ = header;
      return Status();
    });
  }

  const std::string& key() const { return key_; }
  const FileReader& reader() const { return reader_; }
  std::int64_t messages() const { return messages_; }

  Status Seek(const std::string& position) {
    const Status sought = reader_.Seek(position);
    if (sought.code() != ErrorCode::kFailedPrecondition) return sought;
    return {sought.code(), "`" + reader_.path() +
                               "` is not the file any more that was loaded before; give the new "
                               "one another name"};
  }

  // One transaction; false: nothing was left to send.
  Result<bool> Step() {
    std::size_t bytes = 0;
    LEADFLOW_RETURN_IF_ERROR(writer_.Begin());
    while (!reader_.AtEnd() && bytes < kTransactionBytes) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::size_t sent, SendSome());
      bytes += sent;
      if (sent > 0 || reader_.AtEnd() || !key_.empty()) continue;
      if (bytes > 0) break;  // What has come does not wait for what has not.
      AwaitStandardInput();
    }
    if (bytes == 0) {
      writer_.Abort();
      return false;
    }
    if (!key_.empty()) LEADFLOW_RETURN_IF_ERROR(writer_.Append(loads_, key_, reader_.position()));
    Status committed = writer_.Commit();
    for (int i = 1; committed.retryable() && i < kAttemptsMax; ++i) committed = writer_.Commit();
    if (committed.ok()) return true;
    if (committed.code() != ErrorCode::kFailedPrecondition) return committed;
    return Status(committed.code(), "another load of this source has begun; it goes on");
  }

 private:
  Result<std::size_t> SendSome() {
    InboxRecord record;
    record.origin = reader_.path();
    record.arrived_ms = Clock::System().WallMillis();
    std::string bytes;
    Status status;
    const auto send = [&] {
      record.header = header_;
      std::string encoded;
      EncodeInboxRecord(record, &encoded);
      record.messages.clear();
      bytes += encoded;
      if (status.ok()) status = writer_.Append(inbox_, {}, encoded);
    };
    const auto read = reader_.Read(
        kRecordBytes,
        [&](std::span<const MessageView> batch) {
          for (const MessageView& message : batch) {
            record.modified_ms = message.modified_ms;
            record.messages.push_back({.line = message.line, .bytes = message.value});
          }
          messages_ += static_cast<std::int64_t>(batch.size());
          send();
        },
        [&](std::string_view, std::int64_t line, std::string_view reason, std::string_view part) {
          record.messages.push_back({.line = line, .bytes = part, .reason = reason});
          send();
        });
    LEADFLOW_RETURN_IF_ERROR(read.status());
    LEADFLOW_RETURN_IF_ERROR(status);
    return bytes.size();
  }

  LogWriter& writer_;
  const TopicPartition inbox_, loads_;
  const std::string key_;  // Empty: nobody can go on from there.
  FileReader reader_;
  std::string header_;
  std::int64_t messages_ = 0;
};

// How many messages were sent.
Result<std::int64_t> SendFiles(Log& log, const Pipeline& pipeline, const SourceSpec& source,
                               const std::vector<std::string>& paths, bool quiet) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<LogWriter> writer,
                            log.NewWriter(pipeline.name + "-load-" + source.name));
  LEADFLOW_ASSIGN_OR_RETURN(auto progress, ReadProgress(log, {LoadsTopic(pipeline), 0}));
  std::vector<std::unique_ptr<FileLoad>> loads;
  Runtime::Progress shown{.restoring = false};
  for (const std::string& path : paths) {
    loads.push_back(std::make_unique<FileLoad>(writer.get(), pipeline, source, path));
    LEADFLOW_RETURN_IF_ERROR(loads.back()->Seek(progress[loads.back()->key()]));
    shown.bytes_total += loads.back()->reader().bytes_total();
  }
  ProgressLine line(Clock::System(), quiet);
  std::int64_t messages = 0, bytes = 0;
  for (const auto& load : loads) {
    for (bool more = true; more;) {
      LEADFLOW_ASSIGN_OR_RETURN(more, load->Step());
      shown.messages_read = messages + load->messages();
      shown.bytes_read = bytes + load->reader().bytes_read();
      line.Show(shown);
    }
    messages += load->messages();
    bytes += load->reader().bytes_read();
  }
  return messages;
}

Result<std::int64_t> LoadInto(const Pipeline& pipeline, const LoadFilesOptions& options) {
  const SourceSpec* const source = Find(pipeline, options.source);
  LEADFLOW_RETURN_IF_ERROR(CheckSource(pipeline, source, options.source));
  const std::vector<std::string>& asked = options.paths.empty() ? source->paths : options.paths;
  if (asked.empty()) {
    return Status::InvalidArgument("which files? Name them, or write `inbox: {path: ...}`");
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ExpandPaths(asked));
  const StateLayout layout(pipeline.engine.state_dir);
  std::unique_ptr<Log> log;
  if (pipeline.engine.log == EngineOptions::Log::kKafka) {
    LEADFLOW_ASSIGN_OR_RETURN(log, OpenLog(pipeline, layout));
  } else {
    std::error_code error;
    std::filesystem::create_directories(layout.directory, error);
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Inbox> inbox,
                            Inbox::Open(pipeline, layout, log.get()));
  return SendFiles(inbox->log(), pipeline, *source, paths, options.quiet);
}

}  // namespace

int LoadFiles(const LoadFilesOptions& options) {
  const LoadedPipeline loaded =
      LoadPipelineFile(options.file, {.use_environment = true, .set = options.set});
  if (!loaded.pipeline) return BadConfig(loaded);
  const Result<std::int64_t> sent = LoadInto(*loaded.pipeline, options);
  if (!sent.ok()) return Failed(sent.status());
  if (options.quiet) return kDone;
  const std::string what = *sent == 0 ? "nothing new" : Counted(*sent, "message");
  std::fprintf(stderr, "%s sent to `%s`\n", what.c_str(), options.source.c_str());
  return kDone;
}

}  // namespace leadflow::app
