#include "tests/support/protobuf_reader.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>

namespace leadflow {
namespace {

namespace pb = google::protobuf;

class Errors final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  explicit Errors(std::string* text) : text_(*text) {}
  void AddError(int line, int column, const std::string& message) override {
    text_ += std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message + "\n";
  }
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    text_ += element + ": " + message + "\n";
  }

 private:
  std::string& text_;
};

}  // namespace

struct ProtobufReader::Impl {
  pb::DescriptorPool pool;
  const pb::FileDescriptor* file = nullptr;
  pb::DynamicMessageFactory factory{&pool};
};

ProtobufReader::~ProtobufReader() = default;

std::unique_ptr<ProtobufReader> ProtobufReader::Of(const std::string& schema, std::string* error) {
  Errors errors(error);
  pb::io::ArrayInputStream stream(schema.data(), static_cast<int>(schema.size()));
  pb::io::Tokenizer tokenizer(&stream, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  pb::FileDescriptorProto parsed;
  if (!parser.Parse(&tokenizer, &parsed)) return nullptr;
  parsed.set_name("schema.proto");
  std::unique_ptr<ProtobufReader> reader(new ProtobufReader);
  reader->impl_ = std::make_unique<Impl>();
  reader->impl_->file = reader->impl_->pool.BuildFileCollectingErrors(parsed, &errors);
  if (reader->impl_->file == nullptr || reader->impl_->file->message_type_count() == 0) {
    return nullptr;
  }
  return reader;
}

std::optional<ProtobufReader::Read> ProtobufReader::operator()(std::string_view bytes) const {
  const std::unique_ptr<pb::Message> message(
      impl_->factory.GetPrototype(impl_->file->message_type(0))->New());
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  Read read;
  read.unknown = !message->GetReflection()->GetUnknownFields(*message).empty();
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!pb::util::MessageToJsonString(*message, &read.json, options).ok()) return std::nullopt;
  read.bytes = message->SerializeAsString();
  return read;
}

bool ProtobufReader::Split(std::string_view record, std::uint32_t* id, std::string_view* message) {
  if (record.size() < 6 || record[0] != 0 || record[5] != 0) return false;
  *id = 0;
  for (int i = 1; i <= 4; ++i) *id = *id << 8 | static_cast<std::uint8_t>(record[i]);
  *message = record.substr(6);
  return true;
}

}  // namespace leadflow
