// Reads Protobuf messages by the text of their schema alone, with Google's library: what others
// make of rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace leadflow {

class ProtobufReader {
 public:
  // Of the first message of a .proto text. Null: it is none; `error` says why.
  static std::unique_ptr<ProtobufReader> Of(const std::string& schema, std::string* error);
  ~ProtobufReader();

  struct Read {
    std::string json;      // by the names of the schema; without fields that are not there
    std::string bytes;     // as the library writes the same message
    bool unknown = false;  // There were fields that the schema does not have.
  };
  // nullopt: not a message.
  std::optional<Read> operator()(std::string_view bytes) const;

  // The parts of a record: the id of its schema, and its message. False: it has no such head.
  static bool Split(std::string_view record, std::uint32_t* id, std::string_view* message);

 private:
  struct Impl;
  ProtobufReader() = default;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadflow
