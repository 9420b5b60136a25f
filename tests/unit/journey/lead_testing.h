// For tests of f: pipelines made by hand, events in one line, facts as readable cells.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/hash.h"
#include "operators/journey/lead_function.h"
#include "tests/unit/facts/fact_cells.h"

namespace leadflow {

inline constexpr std::int64_t kMinute = 60'000;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

// A condition written in C++.
class Condition final : public Expression {
 public:
  using Test = std::function<bool(const FieldSource&)>;
  explicit Condition(Test test) : test_(std::move(test)) {}
  Value Evaluate(const FieldSource& fields, EvalArena&) const override {
    return Value::Bool(test_(fields));
  }
  ValueType type() const override { return ValueType::kBool; }
  std::string_view text() const override { return "test"; }
  const std::vector<int>& slots() const override { return slots_; }

 private:
  Test test_;
  std::vector<int> slots_;
};

inline ExpressionPtr When(Condition::Test test) {
  return std::make_shared<Condition>(std::move(test));
}
inline std::string TextOf(const FieldSource& fields, int slot) {
  const Value value = fields.Field(slot);
  return value.type == ValueType::kString ? std::string(value.string()) : std::string();
}
inline ExpressionPtr IsKind(std::string kind) {
  return When([kind](const FieldSource& f) { return TextOf(f, kSlotKind) == kind; });
}
inline ExpressionPtr MediumIs(std::string medium) {
  return When([medium](const FieldSource& f) {
    return TextOf(f, static_cast<int>(Field::kUtmMedium)) == medium;
  });
}

// Owns what entries borrow.
class EventMaker {
 public:
  struct Options {
    // Every member has a value, so that a test names only those that it means.
    std::string id{}, session{}, device{}, campaign{}, medium{}, message{}, stage{}, status{};
    std::string country{}, owner{}, job{}, variant{}, company{};
    bool known = true;  // carries an e-mail
    bool machine = false, hard = false;
    std::uint8_t source = 0;
    std::int64_t updated = kNoTime;
  };

  Entry Make(Kind kind, std::int64_t time_ms, const Options& options) {
    kept_.push_back(std::make_unique<Kept>());
    Kept& kept = *kept_.back();
    kept.id = options.id;
    FieldsWriter writer(&kept.fields);
    const auto text = [&](Field field, const std::string& value) {
      if (!value.empty()) writer.Text(field, value);
    };
    text(Field::kCompany, options.company);
    text(Field::kUtmMedium, options.medium);
    text(Field::kSessionId, options.session);
    text(Field::kCampaign, options.campaign);
    text(Field::kCountry, options.country);
    text(Field::kOwner, options.owner);
    text(Field::kMessageId, options.message);
    text(Field::kVariant, options.variant);
    text(Field::kStage, options.stage);
    text(Field::kStatus, options.status);
    if (options.hard) writer.Number(Field::kHard, 1);
    if (!options.job.empty()) writer.Trait("job", options.job);
    Entry entry;
    entry.kind = kind;
    entry.time_ms = time_ms;
    entry.updated_ms = options.updated;
    entry.source = options.source;
    entry.flags = options.machine ? Entry::kMachine : 0;
    entry.id = kept.id;
    entry.fields = kept.fields;
    const Identifier device = Named(IdentifierType::kAnonymousId, options.device);
    entry.home = options.known ? Named(IdentifierType::kEmail, "ann") : device;
    if (options.known && !options.device.empty()) {
      kept.others = std::string(device.view());
      entry.others = kept.others.data();
      entry.links = 1;
    }
    entry.key =
        Hash64(kept.id + "/" + std::to_string(options.source) + "/" + std::to_string(time_ms)) | 1;
    return entry;
  }

  static Identifier Named(IdentifierType type, const std::string& value) {
    Identifier identifier;
    identifier.bytes[0] = static_cast<std::uint8_t>(type);
    const std::uint64_t hash = Hash64(value);
    std::memcpy(identifier.bytes.data() + 1, &hash, 8);
    return identifier;
  }

 private:
  struct Kept {
    std::string id, fields, others;
  };
  std::vector<std::unique_ptr<Kept>> kept_;
};

// Adds KPIs.
class PipelineMaker {
 public:
  PipelineMaker() {
    p.source_names = {"a", "b"};
    p.attribution.touch_kinds = 1;
    for (const Kind kind :
         {Kind::kEmailClick, Kind::kFairVisit, Kind::kCardCollected, Kind::kLetterReply,
          Kind::kFormSubmit, Kind::kWebinarAttend, Kind::kMeeting, Kind::kCall, Kind::kSocialClick,
          Kind::kContentDownload}) {
      p.attribution.touch_kinds |= Bit(kind);
    }
    p.created_by = Bit(Kind::kFormSubmit) | Bit(Kind::kFairVisit) | Bit(Kind::kOrder);
    for (const char* kind : {"fair_visit", "email_click", "email_open"}) {
      p.channels.push_back({kind, IsKind(kind)});
    }
    p.channels.push_back({"Paid", MediumIs("cpc")});
    p.channels.push_back({"Social", MediumIs("social")});
    p.channels.push_back({"Direct", When([](const FieldSource&) { return true; })});
  }

  static std::uint64_t Bit(Kind kind) { return std::uint64_t{1} << static_cast<int>(kind); }

  Measure Of(Measure::Type type, Subject::Of of, Kind kind = Kind::kNone, int number = -1) const {
    Measure measure;
    measure.type = type;
    measure.subject.of = of;
    measure.subject.kind = kind;
    if (of == Subject::Of::kGoal) {
      measure.subject.goal = number;
    } else {
      measure.subject.stage = number;
    }
    return measure;
  }
  void Kpi(const std::string& name, Measure measure, std::vector<Dimension> by,
           WindowUnit window = WindowUnit::kDay) {
    KpiSpec kpi;
    kpi.name = name;
    kpi.index = static_cast<int>(p.kpis.size());
    kpi.measure = std::move(measure);
    kpi.window = window;
    for (const Dimension dimension : by) {
      DimensionSpec spec;
      spec.dimension = dimension;
      spec.name = "d" + std::to_string(static_cast<int>(dimension));
      kpi.by.push_back(spec);
    }
    p.kpis.push_back(std::move(kpi));
  }

  Pipeline p;
};

inline Journey NewJourney() {
  return Journey([](std::int64_t) -> Result<std::optional<std::string>> {
    return std::optional<std::string>();
  });
}

inline std::map<std::string, std::int64_t> BatchOf(LeadFunction& f, const Pipeline& pipeline,
                                                   Journey& journey) {
  Cells cells(pipeline);
  const Status status = f.Batch(journey, nullptr, +1, cells);
  if (!status.ok()) return {{status.ToString(), 1}};
  return cells.sums();
}

}  // namespace leadflow
