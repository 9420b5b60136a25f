#include "app/secret.h"

#include <cstdlib>
#include <optional>

#include "app/pipeline_file.h"

namespace leadflow::app {

Result<std::string> ReadSecret(const SecretSpec& secret, std::string_view what) {
  if (secret.from == SecretSpec::From::kNowhere) return std::string();
  const std::string head = "`" + std::string(what) + "`: ";
  if (secret.from == SecretSpec::From::kEnvironment) {
    const char* const value = std::getenv(secret.name.c_str());
    if (value == nullptr || *value == '\0') {
      return Status::NotFound(head + "the environment variable " + secret.name + " is not set");
    }
    return std::string(value);
  }
  std::optional<std::string> text = ReadWholeFile(secret.name);
  if (!text) return Status::NotFound(head + "cannot read the file " + secret.name);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return *std::move(text);
}

}  // namespace leadflow::app
