#include "app/zero_config.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "connectors/file/byte_stream.h"
#include "connectors/file/row_writer.h"
#include "connectors/formats/formats.h"

namespace leadflow::app {
namespace {

constexpr std::size_t kHead = std::size_t{64} << 10;

// Standard input has to be looked at before it is read: a copy can be read twice.
Status CopyStandardInput(const std::string& path) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<ByteStream> stream, ByteStream::Open("-"));
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return Status::Unavailable("cannot write " + path);
  std::vector<char> buffer(kHead);
  Status status;
  while (status.ok() && !stream->at_end()) {
    const Result<std::size_t> size = stream->Read(buffer.data(), buffer.size());
    if (!size.ok()) {
      status = size.status();
    } else if (std::fwrite(buffer.data(), 1, *size, file) != *size) {
      status = Status::Unavailable("no space for a copy of standard input in " + path);
    }
  }
  if (std::fclose(file) != 0 && status.ok()) status = Status::Unavailable("cannot write " + path);
  return status;
}

Result<std::string> Head(const std::string& path) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<ByteStream> stream, ByteStream::Open(path));
  std::string head(kHead, '\0');
  std::size_t size = 0;
  while (size < kHead && !stream->at_end() && stream->problem().empty()) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::size_t more,
                              stream->Read(head.data() + size, kHead - size));
    size += more;
  }
  head.resize(size);
  return head;
}

// A path in which the characters of a pattern mean themselves.
std::string WithoutPattern(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// As a YAML string in double quotes.
std::string QuotedPath(const std::string& path) {
  std::string out = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::Make() {
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) / "leadflow-XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) {
    return Status::Unavailable("cannot make a temporary folder; is TMPDIR writable?");
  }
  return TemporaryFolder(std::move(name));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

bool IsPipelineName(const std::string& file) {
  return file.ends_with(".yaml") || file.ends_with(".yml");
}

Result<std::string> WritePipelineFor(const std::string& events, const std::string& folder) {
  std::string path = events;
  if (events == "-") {
    path = folder + "/standard-input";
    LEADFLOW_RETURN_IF_ERROR(CopyStandardInput(path));
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::string head, Head(path));
  const std::string shown = events == "-" ? "standard input" : "`" + events + "`";
  const Result<std::string> guessed = GuessFormat(head);
  if (!guessed.ok()) {
    std::string message = "cannot count " + shown + ": " + std::string(guessed.status().message());
    if (!head.empty()) {
      message +=
          "\n  `leadflow formats` lists what is known; `leadflow init csv` and `leadflow init "
          "json` begin a pipeline for the rest";
    }
    return Status::InvalidArgument(message);
  }
  const std::string& format = *guessed;
  std::fprintf(stderr, "%s: format `%s`, default KPIs, one file per KPI in out/\n", shown.c_str(),
               format.c_str());
  const std::string text =
      "version: 1\nname: events\nengine: {state_dir: " + QuotedPath(folder + "/state") +
      "}\nsources:\n  events: {file: {path: " +
      QuotedPath(WithoutPattern(std::filesystem::absolute(path).string())) +
      "}, format: " + format + "}\noutputs:\n  - file: {path: " +
      QuotedPath(std::filesystem::absolute("out").string() + "/{kpi}.csv") + "}\n";
  const std::string file = folder + "/events.yaml";
  LEADFLOW_RETURN_IF_ERROR(ReplaceFile(file, text));
  return file;
}

}  // namespace leadflow::app
