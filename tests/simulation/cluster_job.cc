#include "tests/simulation/cluster_job.h"

#include <algorithm>
#include <random>

#include "engine/base/hash.h"
#include "engine/runtime/dead_letter.h"
#include "tests/simulation/cluster_operators.h"

namespace leadflow::simulation {
namespace {

constexpr std::uint64_t kKeys = 40;

// Messages of a list, a few at a time; now and then nothing is there for a moment; a message that
// begins with `!` cannot be read.
class ListSource final : public SourceReader {
 public:
  ListSource(const std::vector<std::string>& messages, std::size_t batch)
      : messages_(messages), batch_(batch) {}

  Status Seek(std::string_view position) override {
    next_ = static_cast<std::size_t>(NumberOf(position));
    return {};
  }
  Result<std::size_t> Read(std::size_t,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override {
    if (++calls_ % 5 == 0 || AtEnd()) return std::size_t{0};
    std::vector<MessageView> views;
    while (!AtEnd() && views.size() < batch_) {
      const std::string& message = messages_[next_++];
      const auto line = static_cast<std::int64_t>(next_);
      if (message.starts_with("!")) {
        bad("list", line, "unreadable", message);
        break;
      }
      views.push_back(
          {.value = message, .log_time_ms = INT64_MAX / 4, .origin = "list", .line = line});
    }
    if (!views.empty()) handle(views);
    return views.size();
  }
  std::string position() const override { return std::to_string(next_); }
  bool AtEnd() const override { return next_ == messages_.size(); }

 private:
  const std::vector<std::string>& messages_;
  const std::size_t batch_;
  std::size_t next_ = 0;
  std::uint64_t calls_ = 0;
};

using Random = std::mt19937_64;

std::string MakeMessage(Random& random, std::uint64_t id) {
  const std::string time = std::to_string(1'000 + id * 3 + random() % 20);
  const std::string key = std::to_string(random() % kKeys);
  switch (random() % 40) {
    case 0: return "nonsense " + std::to_string(random() % 3);
    case 1: return "!broken";
    case 2: return random() % 4 == 0 ? "P " + time + " " + key : "M " + time + " " + key;
    case 3: return "M " + time + " " + key;
    default:
      return "A " + time + " " + std::to_string(id) + " " + key + " " +
             std::to_string(static_cast<std::int64_t>(random() % 200) - 50);
  }
}

// What differs between two tables, the first difference.
std::string Difference(const char* what, const std::map<std::string, std::string>& have,
                       const std::map<std::string, std::string>& want) {
  for (const auto& [key, value] : want) {
    const auto found = have.find(key);
    const std::string other = found == have.end() ? "nothing" : found->second;
    if (other != value) return std::string(what) + " " + key + " is " + other + ", not " + value;
  }
  for (const auto& [key, value] : have) {
    if (!want.contains(key)) return std::string(what) + " " + key + " should not exist: " + value;
  }
  return {};
}

// Where a letter came from differs with the threads; why and what do not.
std::string WhyAndWhat(std::string_view letter) {
  const std::size_t at = letter.find("\"reason\"");
  return std::string(letter.substr(std::min(at, letter.size())));
}

Result<std::map<std::string, std::string>> LastRows(Log& log, const Plan& plan) {
  std::map<std::string, std::string> rows;
  for (std::uint32_t p = 0; p < plan.partitions; ++p) {
    LEADFLOW_RETURN_IF_ERROR(
        ReadAll(log, {plan.output_topics[0].name, p}, [&](const LogRecord& record) {
          if (record.tombstone) {
            rows.erase(std::string(record.key));
          } else {
            rows[std::string(record.key)] = record.value;
          }
        }));
  }
  return rows;
}

}  // namespace

std::uint64_t ClusterJob::TargetOf(std::uint64_t key) {
  const std::uint64_t hash = Hash64("target " + std::to_string(key));
  const std::uint64_t target = key + 1 + hash % 7;
  return hash % 3 != 0 && target < kKeys ? target : key;
}

ClusterJob::ClusterJob(std::uint64_t seed, bool forgetful) {
  MakeInputs(seed);
  MakePlan(seed, forgetful);
  PassOnce();
}

void ClusterJob::MakeInputs(std::uint64_t seed) {
  Random random(seed);
  inputs_.resize(1 + random() % 4);
  const bool large = random() % 3 == 0;
  const std::uint64_t count = 20 + random() % (large ? 1'500 : 300);
  std::vector<std::string> sent;
  for (std::uint64_t id = 0; id < count; ++id) {
    const bool again = !sent.empty() && random() % 6 == 0;
    std::string message = again ? sent[random() % sent.size()] : MakeMessage(random, id);
    inputs_[random() % inputs_.size()].push_back(message);
    sent.push_back(std::move(message));
  }
}

void ClusterJob::MakePlan(std::uint64_t seed, bool forgetful) {
  plan_.app = "clusters";
  plan_.rules_hash = 1;
  plan_.partitions = 1 + static_cast<std::uint32_t>(seed % 4);
  plan_.output_topics = {{"clusters.rows", Cleanup::kCompact, plan_.partitions}};
  SourcePlan source{.name = "lists",
                    .description = {},
                    .disorder_ms = kDisorderMs,
                    .partitions = {},
                    .ingest = [](std::uint32_t) { return MakeClusterIngest(); }};
  const std::size_t batch = 1 + seed / 4 % 9;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    source.partitions.push_back(
        {"list " + std::to_string(i), [this, i, batch]() -> Result<std::unique_ptr<SourceReader>> {
           return std::unique_ptr<SourceReader>(std::make_unique<ListSource>(inputs_[i], batch));
         }});
  }
  plan_.sources.push_back(std::move(source));
  plan_.events = {
      "clusters", {}, [forgetful](std::uint32_t) { return MakeClusterOperator(forgetful); }};
  plan_.facts = {"groups", {}, [](std::uint32_t) { return MakeGroupOperator(); }};
}

std::uint64_t ClusterJob::Root(std::uint64_t key) const {
  while (moved_.contains(key)) key = TargetOf(key);
  return key;
}

void ClusterJob::PassOnce() {
  std::map<std::uint64_t, std::map<std::uint64_t, std::int64_t>> given;
  std::set<std::uint64_t> known;
  for (const auto& input : inputs_) {
    for (const std::string& message : input) {
      const auto words = Words(message);
      const bool add = words[0] == "A";
      if (!message.starts_with("!")) ++messages_;
      if (add || words[0] == "M" || words[0] == "P") {
        watermark_ms_ = std::max(watermark_ms_, NumberOf(words[1]) - kDisorderMs);
      }
      if (!add && words[0] != "M") {
        const char* reason = words[0] == "P"            ? "bug"
                             : message.starts_with("!") ? "unreadable"
                                                        : "not a message";
        letters_.insert(WhyAndWhat(DeadLetterLine("", "", reason, message)));
        continue;
      }
      const auto key = static_cast<std::uint64_t>(NumberOf(words[add ? 3 : 2]));
      known.insert(key);
      if (add) {
        ++arrivals_[key];
        given[key][static_cast<std::uint64_t>(NumberOf(words[2]))] = NumberOf(words[4]);
      } else if (TargetOf(key) != key) {
        moved_.insert(key);
      }
    }
  }
  for (const auto& [key, numbers] : given)
    numbers_[Root(key)].insert(numbers.begin(), numbers.end());
  // Keys on the way of a number are known as well.
  for (const auto& [first, numbers] : given) {
    for (std::uint64_t key = first; known.insert(key), moved_.contains(key);) key = TargetOf(key);
  }
  std::map<std::uint64_t, Figures> sums;
  for (const std::uint64_t key : known) {
    Cluster cluster{.arrivals = arrivals_[key], .moved = moved_.contains(key), .numbers = {}};
    for (const auto& [id, number] : numbers_[key]) cluster.numbers[id] = {number, 1};
    events_[ClusterKey(key)] = EncodeCluster(cluster);
    for (const auto& [id, number] : numbers_[key]) events_[IndexKey(key, id)] = "";
    Figures& sum = sums[key % kGroups];
    const Figures figures = FiguresOf(cluster);
    sum.resize(figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i) sum[i] += figures[i];
  }
  for (const auto& [group, sum] : sums) facts_[GroupKey(group)] = EncodeFigures(sum);
}

std::string ClusterJob::Check(const Outcome& outcome) const {
  Table events, facts;
  for (const bool first : {true, false}) {
    for (const KeyedStore* store : first ? outcome.events : outcome.facts) {
      const Status read =
          store->ScanCommitted("", [&](std::string_view key, std::string_view value) {
            if (key.starts_with('\0')) return true;
            std::string& slot = (first ? events : facts)[std::string(key)];
            slot += slot.empty() ? value : " and " + std::string(value);
            return true;
          });
      if (!read.ok()) return read.ToString();
    }
  }
  if (std::string found = Difference("cluster", events, events_); !found.empty()) return found;
  if (std::string found = Difference("group", facts, facts_); !found.empty()) return found;
  const auto rows = LastRows(outcome.log, plan_);
  if (!rows.ok()) return rows.status().ToString();
  if (std::string found = Difference("row", *rows, facts_); !found.empty()) return found;

  std::multiset<std::string> letters;
  const Status read =
      ReadAll(outcome.log, {plan_.dead_letters_topic(), 0},
              [&](const LogRecord& letter) { letters.insert(WhyAndWhat(letter.value)); });
  if (!read.ok()) return read.ToString();
  if (letters != letters_) {
    return std::to_string(letters.size()) + " dead letters, not " +
           std::to_string(letters_.size()) + ", or others";
  }
  std::int64_t arrivals = 0;
  for (const auto& [key, count] : arrivals_) arrivals += count;
  const auto counter = [&](const char* name, const char* label) {
    const auto found = outcome.counters.find({name, label});
    return found == outcome.counters.end() ? 0 : found->second;
  };
  if (counter("arrivals", "") != arrivals || counter("messages_read", "lists") != messages_) {
    return "the counters say " + std::to_string(counter("arrivals", "")) + " arrivals of " +
           std::to_string(counter("messages_read", "lists")) + " messages, not " +
           std::to_string(arrivals) + " of " + std::to_string(messages_);
  }
  if (outcome.watermark_ms != watermark_ms_) {
    return "the watermark is " + std::to_string(outcome.watermark_ms) + ", not " +
           std::to_string(watermark_ms_);
  }
  return {};
}

}  // namespace leadflow::simulation
