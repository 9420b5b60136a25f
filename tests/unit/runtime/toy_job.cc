#include "tests/unit/runtime/toy_job.h"

#include <algorithm>
#include <charconv>

#include "engine/base/hash.h"
#include "tests/support/plain_operator.h"
#include "tests/unit/runtime/troubled_logs.h"

namespace leadflow::toy {
namespace {

std::int64_t Number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class Ingest final : public PlainOperator {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      const std::size_t equals = message.value.find('=');
      if (equals == std::string_view::npos) {
        context_->Reject("list", std::to_string(message.line), "no number", message.value);
        continue;
      }
      context_->ObserveEventTime(message.line, message.log_time_ms);
      context_->Count("events", "", 1);
      context_->Emit(OutputId::kEvents, Hash64(message.value.substr(0, equals)), message.value);
    }
    return {};
  }
};

// Adds numbers up in memory and stages the sums when a commit is prepared.
class Summing : public Operator {
 public:
  Status Open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Status Prepare() override {
    for (const auto& [key, number] : changes_) {
      LEADFLOW_ASSIGN_OR_RETURN(const auto old, context_->store().Get("S" + key));
      context_->store().Put("S" + key, std::to_string((old ? Number(*old) : 0) + number));
    }
    changes_.clear();
    return {};
  }
  void Aborted() override { changes_.clear(); }

 protected:
  OperatorContext* context_ = nullptr;
  Sums changes_;
};

class KeySums final : public Summing {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      const std::size_t equals = message.value.find('=');
      const std::string key(message.value.substr(0, equals));
      const std::string_view rest = message.value.substr(equals + 1);
      if (rest == "poison") return {ErrorCode::kInternal, "cannot handle " + key};
      if (rest == "away") return Status::Unavailable("nobody there");
      if (rest.starts_with('>')) {
        const std::string_view next = rest.substr(1);
        context_->Emit(OutputId::kEvents, Hash64(next.substr(0, next.find('='))), next);
        continue;
      }
      changes_[key] += Number(rest);
      const std::string fact = key.substr(0, 1) + "=" + std::string(rest);
      context_->Emit(OutputId::kFacts, Hash64(fact.substr(0, 1)), fact);
    }
    return {};
  }
};

class Totals final : public Summing {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      changes_[std::string(message.value.substr(0, 1))] += Number(message.value.substr(2));
    }
    return {};
  }
};

}  // namespace

Status ListSource::Seek(std::string_view position) {
  next_ = static_cast<std::size_t>(Number(position));
  return {};
}

Result<std::size_t> ListSource::Read(
    std::size_t, const std::function<void(std::span<const MessageView>)>& handle, const Bad&) {
  std::vector<MessageView> views;
  while (views.size() < batch_ && next_ < messages_.size()) {
    views.push_back({.value = messages_[next_],
                     .log_time_ms = 1'000'000,
                     .origin = "list",
                     .line = static_cast<std::int64_t>(next_ + 1)});
    ++next_;
  }
  if (!views.empty()) handle(views);
  return views.size();
}

std::unique_ptr<Operator> MakeIngest() { return std::make_unique<Ingest>(); }
std::unique_ptr<Operator> MakeSums() { return std::make_unique<KeySums>(); }
std::unique_ptr<Operator> MakeTotals() { return std::make_unique<Totals>(); }

void AddSums(const KeyedStore& store, Sums* sums) {
  EXPECT_OK(store.ScanCommitted("S", [&](std::string_view key, std::string_view value) {
    (*sums)[std::string(key.substr(1))] += Number(value);
    return true;
  }));
}

Plan Machine::MakePlan() const {
  Plan plan;
  plan.app = "toy";
  plan.rules_hash = rules_hash;
  plan.partitions = partitions;
  SourcePlan source{.name = "lists",
                    .description = "numbers",
                    .disorder_ms = 0,
                    .partitions = {},
                    .ingest = [](std::uint32_t) { return MakeIngest(); }};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    source.partitions.push_back(
        {"list " + std::to_string(i), [this, i]() -> Result<std::unique_ptr<SourceReader>> {
           return std::unique_ptr<SourceReader>(
               std::make_unique<ListSource>(inputs[i], batch, followed, idle));
         }});
  }
  plan.sources.push_back(std::move(source));
  plan.events = {"sums", "per key", [](std::uint32_t) { return MakeSums(); }};
  plan.facts = {"totals", "per letter", [](std::uint32_t) { return MakeTotals(); }};
  plan.outputs = {"out/totals.csv"};
  return plan;
}

void Machine::OpenLog() {
  log.reset();
  auto opened = EmbeddedLog::Open({.directory = "log", .file_system = &files});
  EXPECT_OK(opened.status());
  log = *std::move(opened);
}

Status Machine::Run(std::uint32_t threads) {
  OpenLog();
  const Plan plan = MakePlan();
  RuntimeOptions run;
  run.threads = threads;
  run.thread = options;
  FarLog far(*log, 0, AllMeanwhile);
  Runtime runtime(plan, ahead ? static_cast<Log&>(far) : *log, stores, Clock::System(), run);
  LEADFLOW_RETURN_IF_ERROR(runtime.Run([&](const Runtime::Progress& progress) -> Status {
    if (!progress.last) return {};
    messages_read = progress.messages_read;
    totals.clear();
    return runtime.WithFacts([&](const std::vector<const KeyedStore*>& facts) -> Status {
      for (const KeyedStore* const store : facts) AddSums(*store, &totals);
      return {};
    });
  }));
  counters = runtime.counters();
  sums.clear();
  for (std::uint32_t p = 0; p < partitions; ++p) {
    LEADFLOW_ASSIGN_OR_RETURN(const auto store, stores.Open("events-" + std::to_string(p)));
    AddSums(*store, &sums);
  }
  return {};
}

Messages Machine::DeadLetters() {
  Messages found;
  const auto reader = log->NewReader();
  EXPECT_OK(reader->Seek({"toy.dead_letters", 0}, 0));
  Result<std::size_t> polled = std::size_t{1};
  while (polled.ok() && *polled > 0) {
    polled = reader->Poll(1 << 20, [&](const TopicPartition&, std::span<const LogRecord> records) {
      for (const LogRecord& record : records) found.emplace_back(record.value);
    });
  }
  EXPECT_OK(polled.status());
  return found;
}

}  // namespace leadflow::toy
