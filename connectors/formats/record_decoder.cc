#include "connectors/formats/record_decoder.h"

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "connectors/formats/event_target.h"
#include "connectors/formats/json_cursor.h"

namespace leadflow {
namespace {

// A schema may be many times as long as its payload.
constexpr std::size_t kMaxWrappedBytes = std::size_t{1} << 20;
constexpr std::string_view kAttribute = "ce_";

bool Holds(std::string_view text, std::string_view part) {
  return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

// Most records are wrapped in nothing, and this is all that it costs them.
bool MayBeWrapped(std::string_view text) {
  return text.size() <= kMaxWrappedBytes &&
         (Holds(text, "\"payload\"") || Holds(text, "\"op\"") || Holds(text, "\"specversion\""));
}

// A value as it stands in its message.
struct Part {
  JsonCursor::Type type = JsonCursor::Type::kBad;  // kBad: it is not there.
  std::string_view bytes;

  bool there() const { return type != JsonCursor::Type::kBad; }
  bool Is(JsonCursor::Type wanted) const { return type == wanted; }
};

// The members of an object that tell what it is.
struct Parts {
  Part schema, payload;
  Part before, after, source, op;
  Part specversion, id, type, data;
  int count = 0;

  Part* Find(std::string_view name) {
    const std::pair<std::string_view, Part*> known[] = {
        {"schema", &schema}, {"payload", &payload},
        {"before", &before}, {"after", &after},
        {"source", &source}, {"op", &op},
        {"id", &id},         {"type", &type},
        {"data", &data},     {"specversion", &specversion}};
    for (const auto& [key, part] : known) {
      if (key == name) return part;
    }
    return nullptr;
  }

  // False: no JSON object.
  bool Read(std::string_view text) {
    if (!IsUtf8(text)) return false;
    JsonCursor json(text);
    if (json.Peek() != JsonCursor::Type::kObject || !json.BeginObject()) return false;
    JsonText name;
    while (json.NextMember(&name)) {
      ++count;
      Part unknown;
      Part* const found = name.escaped ? nullptr : Find(name.raw);
      Part& part = found == nullptr ? unknown : *found;
      part.type = json.Peek();
      if (!json.Skip(&part.bytes)) return false;
    }
    return json.ok() && json.End();
  }

  bool IsConnect() const { return count == 2 && schema.there() && payload.there(); }
  bool IsChange() const {
    return op.Is(JsonCursor::Type::kString) && source.Is(JsonCursor::Type::kObject) &&
           (before.there() || after.there());
  }
  bool IsCloudEvent() const {
    for (const Part* part : {&specversion, &id, &type, &source}) {
      if (!part->Is(JsonCursor::Type::kString)) return false;
    }
    return true;
  }
};

// Bytes that are no UTF-8 stay, so that the format refuses them.
void AppendQuoted(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      *out += "\\u00";
      out->push_back(kDigits[byte >> 4]);
      out->push_back(kDigits[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

bool IsJson(std::string_view text) {
  JsonCursor json(text);
  return json.Skip() && json.End();
}

class RecordDecoder final : public EventDecoder {
 public:
  RecordDecoder(std::unique_ptr<EventDecoder> format, const RecordOptions& options)
      : format_(std::move(format)), options_(options) {}

  void Decode(std::string_view message, const Accept& accept, const Refuse& refuse,
              const Skip& skip) override {
    Parts parts;
    if (!MayBeWrapped(message) || !parts.Read(message)) {
      return format_->Decode(message, accept, refuse, skip);
    }
    if (parts.IsConnect()) {
      message = parts.payload.bytes;
      if (parts.payload.Is(JsonCursor::Type::kNull)) return skip("a record without a payload");
      parts = {};
      parts.Read(message);
    }
    if (parts.IsChange()) return DecodeChange(message, parts, accept, refuse, skip);
    if (parts.IsCloudEvent() && !options_.envelopes) {
      return DecodeData(message, parts.data, accept, refuse, skip);
    }
    format_->Decode(message, accept, refuse, skip);
  }

  void DecodeRecord(const MessageView& record, const Accept& accept, const Refuse& refuse,
                    const Skip& skip) override {
    if (record.extras->tombstone) return skip("a record without a value");
    if (options_.envelopes && record.value.size() <= kMaxEventBytes && IsUtf8(record.value) &&
        Structured(record)) {
      return format_->Decode(event_, accept, refuse, skip);
    }
    Decode(record.value, accept, refuse, skip);
  }

  Status SetHeader(std::string_view header) override { return format_->SetHeader(header); }

 private:
  void DecodeChange(std::string_view message, const Parts& parts, const Accept& accept,
                    const Refuse& refuse, const Skip& skip) {
    const bool row = parts.after.Is(JsonCursor::Type::kObject);
    if (!row && !(options_.deletes && parts.op.bytes == "\"d\"")) {
      return skip("a change that leaves no row");
    }
    format_->Decode(options_.envelopes ? message : parts.after.bytes, accept, refuse, skip);
  }

  void DecodeData(std::string_view message, const Part& data, const Accept& accept,
                  const Refuse& refuse, const Skip& skip) {
    if (!data.there()) return refuse("a cloud event without `data`", message);
    if (!data.Is(JsonCursor::Type::kString)) {
      return format_->Decode(data.bytes, accept, refuse, skip);
    }
    JsonCursor json(data.bytes);
    JsonText text;
    json.String(&text);
    arena_.Reset();
    format_->Decode(text.Decode(arena_), accept, refuse, skip);
  }

  // Makes event_ of a record in binary mode what structured mode would have sent; false: it is
  // none.
  bool Structured(const MessageView& record) {
    event_.assign(1, '{');
    bool versioned = false;
    for (const RecordHeader& header : record.extras->headers) {
      const bool attribute = header.name.starts_with(kAttribute);
      if (!attribute && header.name != "content-type") continue;
      const std::string_view name =
          attribute ? header.name.substr(kAttribute.size()) : "datacontenttype";
      versioned = versioned || name == "specversion";
      AppendQuoted(name, &event_);
      event_.push_back(':');
      AppendQuoted(header.value, &event_);
      event_.push_back(',');
    }
    if (!versioned) return false;
    event_ += "\"data\":";
    if (IsJson(record.value)) {
      event_ += record.value;
    } else {
      AppendQuoted(record.value, &event_);
    }
    event_.push_back('}');
    return true;
  }

  const std::unique_ptr<EventDecoder> format_;
  const RecordOptions options_;
  std::string event_;
  EvalArena arena_;
};

}  // namespace

std::unique_ptr<EventDecoder> MakeRecordDecoder(std::unique_ptr<EventDecoder> format,
                                                const RecordOptions& options) {
  return std::make_unique<RecordDecoder>(std::move(format), options);
}

}  // namespace leadflow
