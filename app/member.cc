#include "app/member.h"

#include <cstdlib>
#include <optional>
#include <string_view>

#include <sodium.h>

#include "app/pipeline_file.h"
#include "connectors/file/row_writer.h"

namespace leadflow::app {
namespace {

constexpr std::size_t kNameBytes = 8;

constexpr std::size_t kGivenMax = 200;

bool IsMadeName(std::string_view text) {
  return text.size() == 2 * kNameBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Of what Kafka takes in the name of a member.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kGivenMax &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string_view::npos;
}

}  // namespace

Result<Member> Member::Of(const std::string& state_directory) {
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock,
                            PosixFileSystem().Lock(state_directory + "/lock"));
  if (const char* given = std::getenv(kVariable); given != nullptr && *given != '\0') {
    if (IsName(given)) return Member(std::move(lock), given);
    return Status::InvalidArgument(
        std::string(kVariable) +
        ": the name of a member has at most 200 letters, digits, `.`, `_` and `-`");
  }
  const std::string path = state_directory + "/member";
  if (std::optional<std::string> text = ReadWholeFile(path)) {
    while (text->ends_with('\n')) text->pop_back();
    if (IsMadeName(*text)) return Member(std::move(lock), *std::move(text));
    return Status::Corruption(path +
                              ": not the name of a member of the group; remove it to get another");
  }
  unsigned char bytes[kNameBytes];
  randombytes_buf(bytes, sizeof bytes);
  std::string name(2 * kNameBytes + 1, '\0');
  sodium_bin2hex(name.data(), name.size(), bytes, sizeof bytes);
  name.pop_back();
  LEADFLOW_RETURN_IF_ERROR(ReplaceFile(path, name + "\n"));
  return Member(std::move(lock), std::move(name));
}

}  // namespace leadflow::app
