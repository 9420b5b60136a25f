// FileReader: the messages of one file or of standard input. JSON lines, JSON lists, one JSON
// object, CSV, TSV, form-encoded lines; gzip or not. One file is one partition.
//
// A position is behind the last message. Going on from one checks that the file still begins with
// the same bytes and is not shorter, so that a replaced file is an error and not a wrong number.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/file/byte_stream.h"
#include "connectors/file/record_splitter.h"
#include "engine/api/source.h"
#include "engine/base/clock.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Gets the header line of the file before its first message, and again after Seek; empty: the file
// has none. An error makes the file one bad input, of which nothing is read.
using HeaderSink = std::function<Status(std::string_view header)>;

class FileReader final : public SourceReader {
 public:
  struct Options {
    std::string path;    // "-": standard input
    std::string format;  // see connectors/formats/formats.h
    bool follow = false;
    Clock* clock = nullptr;
  };

  explicit FileReader(Options options);
  ~FileReader() override;

  // Call before Seek or the first Read.
  void set_header_sink(HeaderSink sink) { header_sink_ = std::move(sink); }
  const std::string& path() const { return options_.path; }

  Status Seek(std::string_view position) override;
  Result<std::size_t> Read(std::size_t max_bytes,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override;
  std::string position() const override;
  bool AtEnd() const override { return done_; }
  std::int64_t bytes_read() const override;
  std::int64_t bytes_total() const override;

 private:
  struct Place;  // what a position holds

  Status Open();
  Status Fill();
  Status Begin(const Bad& bad);
  Result<bool> TakeHeader();
  Status CheckHead(const Place& place);
  Status PassBad(const RecordSplitter::Step& step, const Bad& bad);
  Status AtEndOfData(const Bad& bad);
  Status Follow();
  void Finish();
  void Consume(const RecordSplitter::Step& step);
  void Advance(std::size_t bytes, std::int64_t lines);
  std::string_view Data() const { return {buffer_.data() + begin_, end_ - begin_}; }
  // Nothing comes behind the buffer, neither now nor later.
  bool Last() const {
    return stream_->at_end() && (!options_.follow || replaced_) && stream_->problem().empty();
  }

  const Options options_;
  HeaderSink header_sink_;
  std::unique_ptr<ByteStream> stream_;
  RecordSplitter splitter_{Layout::kLines};
  FileLayout layout_;
  bool begun_ = false;  // layout known, header taken
  bool done_ = false;
  bool replaced_ = false;  // another file stands at the path: this one ends

  std::vector<char> buffer_;  // bytes [begin_, end_) are read and not yet taken
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::int64_t offset_ = 0;         // of begin_, in the bytes inside of gzip
  std::int64_t line_ = 1;           // of begin_
  std::string head_;                // first bytes of the file, at most kHead
  std::int64_t earlier_bytes_ = 0;  // of files that were rotated away
  ByteStream::Facts facts_;
  std::vector<MessageView> batch_;
};

// The files that `paths` of a source name, sorted, each once. Fails with kNotFound if one of them
// names none.
Result<std::vector<std::string>> ExpandPaths(const std::vector<std::string>& paths);

// One reader per file of the source, or one for standard input.
Result<std::vector<std::unique_ptr<FileReader>>> MakeFileReaders(const SourceSpec& source,
                                                                 Clock& clock);

}  // namespace leadflow
