// IngestOperator: the first stage. Raw messages of one source partition become events, checked,
// normalized and hashed, and leave for the owners of their identifiers and records.
//
// What happens to an event, in this order: fields of its kind are checked, text is normalized,
// `exclude` looks at it, `ignore` removes identifiers, the watermark decides whether it is late or
// expired, machines are marked, identifiers are sorted and hashed, messages are emitted. Stateless:
// after a crash the same messages give the same events.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/operator.h"
#include "engine/base/hash.h"
#include "operators/event/entry.h"
#include "operators/identity/message.h"
#include "operators/ingest/event_decoder.h"
#include "operators/ingest/machine_agents.h"
#include "operators/ingest/normalize.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

class IngestOperator final : public Operator {
 public:
  struct Options {
    const Pipeline* pipeline = nullptr;  // outlives the operator
    const SourceSpec* source = nullptr;  // of the pipeline
    std::unique_ptr<EventDecoder> decoder;
    KeyedHash::Key key{};  // of the identifier hash
  };

  explicit IngestOperator(Options options);
  ~IngestOperator() override;

  Status Open(OperatorContext& context) override;
  Status Process(std::span<const MessageView> batch) override;
  Status Prepare() override { return {}; }

  // Whoever reads files hands it their header lines.
  EventDecoder& decoder() { return *decoder_; }

 private:
  struct Hashed {
    PlainIdentifier plain;
    Identifier hashed;
    int strength = 0;  // the smaller the stronger
  };

  void Take(Event& event);
  void Refuse(std::string_view reason, std::string_view bytes);
  bool Excluded(const Event& event);
  bool RemoveIgnored(Event& event);
  bool TooLate(const Event& event);
  void MarkMachine(Event& event);
  void Complete(Event& event);
  void HashIdentifiers(const Event& event);
  void EmitPeople(const Event& event);
  void EmitEntry(const Entry& entry);
  void EmitKeyed(MessageType type, std::string_view prefix, std::string_view id,
                 const Entry& entry);
  void EmitStandalone(const Event& event);
  // `home`, `others`: indices into identifiers_.
  Entry MakeEntry(const Event& event, std::size_t home, std::size_t others);
  std::string_view CostId(Event& event);
  void CountUp();

  const Pipeline& pipeline_;
  const SourceSpec& source_;
  const std::unique_ptr<EventDecoder> decoder_;
  const KeyedHash hash_;
  const Normalizer normalizer_;
  MachineAgents agents_;
  OperatorContext* context_ = nullptr;

  // By type of identifier: the space that the pipeline puts this source's values into; strength.
  std::array<std::string_view, kIdentifierTypes> spaces_{};
  std::array<int, kIdentifierTypes> strengths_{};

  const MessageView* message_ = nullptr;  // the one being decoded
  bool machine_ = false;                  // the event being taken is a machine's
  std::vector<Hashed> identifiers_;       // of the event being taken, strongest first
  std::string others_;
  std::string fields_;
  std::string bytes_;
  std::string out_;
  EvalArena arena_;
  Status failure_;  // `bad_events: fail`

  struct Counters {
    std::int64_t events = 0;
    std::int64_t machine = 0;
    std::int64_t late = 0;
    std::int64_t refused_late = 0;
    std::int64_t expired = 0;
    std::int64_t skipped = 0;
    std::int64_t ignored = 0;
    std::vector<std::int64_t> excluded;  // by rule
  };
  Counters counters_;
};

}  // namespace leadflow
