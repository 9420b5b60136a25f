#include "app/identity_key.h"

#include <filesystem>
#include <optional>
#include <string_view>

#include <sodium.h>

#include "app/secret.h"
#include "connectors/file/row_writer.h"
#include "engine/log/read_ranges.h"

namespace leadflow::app {
namespace {

std::optional<KeyedHash::Key> ParseKey(std::string_view text) {
  KeyedHash::Key key{};
  std::size_t size = 0;
  if (sodium_hex2bin(key.data(), key.size(), text.data(), text.size(), nullptr, &size, nullptr) !=
          0 ||
      size != key.size()) {
    return std::nullopt;
  }
  return key;
}

KeyedHash::Key RandomKey() {
  KeyedHash::Key key{};
  randombytes_buf(key.data(), key.size());
  return key;
}

std::string HexOf(const KeyedHash::Key& bytes) {
  std::string hex(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  hex.pop_back();
  return hex;
}

// The last record of the topic; nullopt: it has none.
Result<std::optional<std::string>> Newest(Log& log, const TopicPartition& topic) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log.StartOffset(topic));
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t end, log.WrittenOffset(topic));
  std::optional<std::string> newest;
  const LogRange all{topic, start, end};
  LEADFLOW_RETURN_IF_ERROR(
      ReadRanges(log, {&all, 1}, [&](const TopicPartition&, std::span<const LogRecord> records) {
        newest = std::string(records.back().value);
        return Status();
      }));
  return newest;
}

// A writer fences all others first: then either one of them was faster, or this one makes the key.
Result<std::string> FindOrMake(Log& log, const std::string& app,
                               const std::optional<KeyedHash::Key>& saved) {
  const TopicSpec spec = IdentityTopic(app);
  const TopicPartition topic{spec.name, 0};
  LEADFLOW_RETURN_IF_ERROR(log.EnsureTopics({&spec, 1}));
  while (true) {
    LEADFLOW_ASSIGN_OR_RETURN(std::optional<std::string> found, Newest(log, topic));
    if (found) return *std::move(found);
    LEADFLOW_ASSIGN_OR_RETURN(const auto writer, log.NewWriter(app + "-identity"));
    LEADFLOW_ASSIGN_OR_RETURN(found, Newest(log, topic));
    if (found) return *std::move(found);
    const std::string hex = HexOf(saved ? *saved : RandomKey());
    LEADFLOW_RETURN_IF_ERROR(writer->Begin());
    LEADFLOW_RETURN_IF_ERROR(writer->Append(topic, "key", hex));
    const Status committed = writer->Commit();
    if (committed.ok()) return hex;
    if (committed.code() != ErrorCode::kFailedPrecondition) return committed;
  }
}

Status BadKey(const std::string& where) {
  return Status::InvalidArgument(where + ": the key of the identifier hash must be 32 hex digits");
}

}  // namespace

TopicSpec IdentityTopic(const std::string& app) {
  return {app + ".identity", 1, Cleanup::kCompact};
}

Result<KeyedHash::Key> IdentifierKey(const Pipeline& pipeline, const StateLayout& layout,
                                     bool create) {
  const bool own = pipeline.identity.key.from != SecretSpec::From::kNowhere;
  const SecretSpec secret =
      own ? pipeline.identity.key : SecretSpec{SecretSpec::From::kFile, layout.key_file};
  if (const Result<std::string> text = ReadSecret(secret, "identity.key"); text.ok()) {
    if (const std::optional<KeyedHash::Key> key = ParseKey(*text)) return *key;
    return BadKey(secret.name);
  } else if (own) {
    return text.status();
  }
  if (!create) {
    return Status::NotFound("no state in " + layout.directory + ": was the pipeline run?");
  }
  const KeyedHash::Key key = RandomKey();
  LEADFLOW_RETURN_IF_ERROR(WriteKeyFile(key, layout.key_file));
  return key;
}

Result<KeyedHash::Key> SharedIdentifierKey(const Pipeline& pipeline, const StateLayout& layout,
                                           Log& log, const std::optional<KeyedHash::Key>& saved) {
  if (pipeline.identity.key.from != SecretSpec::From::kNowhere) {
    return IdentifierKey(pipeline, layout, false);
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::string hex, FindOrMake(log, pipeline.name, saved));
  const std::optional<KeyedHash::Key> key = ParseKey(hex);
  if (!key) return BadKey("topic `" + IdentityTopic(pipeline.name).name + "`");
  LEADFLOW_RETURN_IF_ERROR(WriteKeyFile(*key, layout.key_file));
  return *key;
}

Result<KeyedHash::Key> ReadKeyFile(const std::string& path) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::string text,
                            ReadSecret({SecretSpec::From::kFile, path}, "identity.key"));
  if (const std::optional<KeyedHash::Key> key = ParseKey(text)) return *key;
  return BadKey(path);
}

Status WriteKeyFile(const KeyedHash::Key& key, const std::string& path) {
  LEADFLOW_RETURN_IF_ERROR(ReplaceFile(path, HexOf(key) + "\n"));
  std::error_code ignored;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read, ignored);
  return {};
}

std::string FingerprintOf(const KeyedHash::Key& key) {
  return HexOf(KeyedHash(key)("leadflow savepoint"));
}

}  // namespace leadflow::app
