// An IngestOperator over canonical JSON, with what it emits, refuses and counts as text.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "connectors/formats/make_decoder.h"
#include "operators/identity/message.h"
#include "operators/ingest/ingest_operator.h"
#include "tests/unit/pipeline/loading.h"

namespace leadflow {

inline constexpr std::int64_t kNow = 1'772'359'200'000;  // 2026-03-01T10:00:00Z
inline constexpr std::int64_t kHour = 3'600'000;
inline constexpr std::int64_t kDay = 24 * kHour;

// "company=Acme labels.x=y" of an entry.
inline std::string ShowFields(const Entry& entry) {
  std::string text;
  entry.Fields().ForEach(
      [&](int tag, std::string_view name, std::string_view value, std::int64_t number) {
        std::string label = tag == FieldsView::kLabelTag ? "labels." + std::string(name)
                            : tag == FieldsView::kTraitTag
                                ? "profile." + std::string(name)
                                : std::string(FieldName(static_cast<Field>(tag)));
        const bool is_text =
            !name.empty() || TypeOfField(static_cast<Field>(tag)) == FieldType::kString;
        text += " " + label + "=" + (is_text ? std::string(value) : std::to_string(number));
      });
  return text;
}

// "event order o1 home=email others=user_id to=email order_id=o1 amount=100", or
// "record order/o1: order o1 ...".
inline std::string ShowMessage(std::string_view bytes) {
  MessageType type;
  if (!ReadMessageType(bytes, &type)) return "no message";
  const auto show = [](const Entry& entry) {
    std::string text = std::string(KindName(entry.kind)) + " " + entry.id.ToString();
    if (entry.home != Identifier())
      text += " home=" + std::string(IdentifierTypeName(entry.home.type()));
    for (int i = 0; i < entry.links; ++i) {
      text += " other=" + std::string(IdentifierTypeName(entry.Other(i).type()));
    }
    return text + (entry.machine() ? " machine" : "") + ShowFields(entry);
  };
  MessageHead head;
  EventMessage event;
  KeyedMessage keyed;
  if (type == MessageType::kEvent) {
    if (!ReadMessageHead(bytes, &head) || !ReadEventBody(head.body, &event)) return "no event";
    return "to " + std::string(IdentifierTypeName(head.to.type())) + ": " + show(event.entry);
  }
  if (!ReadKeyedMessage(bytes, &keyed)) return "no keyed message";
  return std::string(type == MessageType::kRecordEvent ? "record " : "standalone ") +
         std::string(keyed.key) + ": " + show(keyed.entry);
}

class IngestRun final : public OperatorContext {
 public:
  // `rest` of the pipeline file behind one source `crm` of canonical events.
  explicit IngestRun(const std::string& rest = "", std::map<std::string, std::string> files = {}) {
    Loading loading;
    loading.files = std::move(files);
    loaded_ = loading.Load(Framed(rest));
    if (loaded_.pipeline == nullptr) {
      problems = loaded_.diagnostics->Text();
      return;
    }
    const SourceSpec& source = loaded_.pipeline->sources[0];
    ingest_ = std::make_unique<IngestOperator>(IngestOperator::Options{
        loaded_.pipeline.get(), &source, MakeDecoder(source, *loaded_.pipeline), {}});
    static_cast<void>(ingest_->Open(*this));
  }

  // One message; what it becomes is added to `emitted`, `refused` and `counts`.
  Status Take(const std::string& message, std::int64_t log_time_ms = kNow,
              std::int64_t modified_ms = 0) {
    const MessageView view{message, log_time_ms, "crm.jsonl", ++line_, modified_ms};
    return ingest_->Process({&view, 1});
  }
  // The same with id, kind and time in front.
  Status Event(const std::string& kind, const std::string& rest, std::int64_t time_ms = kNow) {
    return Take(R"({"id":"e","kind":")" + kind + R"(","time":)" + std::to_string(time_ms) +
                (rest.empty() ? "" : ",") + rest + "}");
  }

  KeyedStore& store() override { std::abort(); }  // ingest has no state
  std::uint32_t partition() const override { return 0; }
  std::uint32_t partitions() const override { return 4; }
  void Emit(OutputId output, std::uint64_t hash, std::string_view value) override {
    EXPECT_EQ(output, OutputId::kEvents);
    emitted.push_back(ShowMessage(value));
    raw.emplace_back(value);
    hashes.push_back(hash);
  }
  void Reject(std::string_view source, std::string_view position, std::string_view reason,
              std::string_view bytes) override {
    refused.push_back(std::string(source) + " " + std::string(position) + ": " +
                      std::string(reason));
    refused_bytes.emplace_back(bytes);
  }
  void Count(std::string_view name, std::string_view label, std::int64_t by) override {
    counts[std::string(name) + "." + std::string(label)] += by;
  }
  void ObserveEventTime(std::int64_t event_ms, std::int64_t) override {
    observed.push_back(event_ms);
  }
  std::int64_t watermark_ms() const override { return watermark; }
  std::int64_t wall_ms() const override { return kNow; }

  const Pipeline& pipeline() const { return *loaded_.pipeline; }

  std::string problems;
  std::vector<std::string> emitted, raw, refused, refused_bytes;
  std::vector<std::uint64_t> hashes;
  std::vector<std::int64_t> observed;
  std::map<std::string, std::int64_t> counts;
  std::int64_t watermark = kNoTime;

 private:
  Loaded loaded_;
  std::unique_ptr<IngestOperator> ingest_;
  std::int64_t line_ = 0;
};

}  // namespace leadflow
