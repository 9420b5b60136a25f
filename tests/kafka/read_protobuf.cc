// Prints the records of topics whose keys and values are Protobuf of a schema registry, one JSON
// object a line, as Google's library reads them by the schemas alone.
//
//   read_protobuf FOLDER BROKERS PARTITIONS TOPIC...     FOLDER/ID.proto is the schema of that id
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/kafka/read_topic.h"
#include "tests/support/protobuf_reader.h"

namespace leadflow {
namespace {

class Schemas {
 public:
  explicit Schemas(std::string folder) : folder_(std::move(folder)) {}

  // Ends the process with a word if it cannot be read.
  std::string Json(std::string_view record, std::uint32_t* schema = nullptr) {
    std::uint32_t id = 0;
    std::string_view message;
    if (!ProtobufReader::Split(record, &id, &message)) Fail("a record without a schema");
    if (schema != nullptr) *schema = id;
    const auto read = Of(id)(message);
    if (!read) Fail("a record that is no message of schema " + std::to_string(id));
    if (read->unknown) Fail("a field that is not in schema " + std::to_string(id));
    if (read->bytes != message) Fail("bytes that the library would write otherwise");
    return read->json;
  }

  [[noreturn]] static void Fail(const std::string& what) {
    std::fprintf(stderr, "read_protobuf: %s\n", what.c_str());
    std::exit(1);
  }

 private:
  const ProtobufReader& Of(std::uint32_t id) {
    auto& reader = readers_[id];
    if (reader == nullptr) {
      const std::string path = folder_ + "/" + std::to_string(id) + ".proto";
      std::ifstream file(path);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      std::string error;
      reader = ProtobufReader::Of(text, &error);
      if (reader == nullptr) Fail(path + ": " + error);
    }
    return *reader;
  }

  const std::string folder_;
  std::map<std::uint32_t, std::unique_ptr<ProtobufReader>> readers_;
};

int Main(int argc, char** argv) {
  if (argc < 5) Schemas::Fail("FOLDER BROKERS PARTITIONS TOPIC...");
  Schemas schemas(argv[1]);
  for (int i = 4; i < argc; ++i) {
    const auto records = ReadTopic(argv[2], argv[i], std::atoi(argv[3]));
    if (!records) Schemas::Fail(std::string(argv[i]) + " has no end");
    for (const TopicRecord& record : *records) {
      std::uint32_t schema = 0;
      const std::string key = schemas.Json(record.key, &schema);
      std::printf("{\"type\":\"%s\",\"key_schema\":%u,\"key\":%s,\"value\":%s}\n",
                  record.headers.at("content-type").c_str(), schema, key.c_str(),
                  record.value ? schemas.Json(*record.value).c_str() : "null");
    }
  }
  return 0;
}

}  // namespace
}  // namespace leadflow

int main(int argc, char** argv) { return leadflow::Main(argc, argv); }
