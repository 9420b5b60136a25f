#include <algorithm>

#include <glob.h>

#include "connectors/file/file_reader.h"

namespace leadflow {

Result<std::vector<std::string>> ExpandPaths(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (path == "-") {
      files.push_back(path);
      continue;
    }
    glob_t found{};
    const int result = ::glob(path.c_str(), GLOB_MARK, nullptr, &found);
    std::size_t taken = 0;
    for (std::size_t i = 0; result == 0 && i < found.gl_pathc; ++i) {
      const std::string file = found.gl_pathv[i];
      if (file.back() == '/') continue;  // a folder
      files.push_back(file);
      ++taken;
    }
    ::globfree(&found);
    if (taken == 0) return Status::NotFound("no file `" + path + "`");
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

Result<std::vector<std::unique_ptr<FileReader>>> MakeFileReaders(const SourceSpec& source,
                                                                 Clock& clock) {
  std::vector<std::string> files = {"-"};
  if (source.input == SourceSpec::Input::kFile) {
    LEADFLOW_ASSIGN_OR_RETURN(files, ExpandPaths(source.paths));
  }
  std::vector<std::unique_ptr<FileReader>> readers;
  for (const std::string& file : files) {
    FileReader::Options options;
    options.path = file;
    options.format = source.format;
    options.follow = source.follow;
    options.clock = &clock;
    readers.push_back(std::make_unique<FileReader>(std::move(options)));
  }
  return readers;
}

}  // namespace leadflow
