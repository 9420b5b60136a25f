#include "tests/simulation/cluster_operators.h"

#include <algorithm>
#include <charconv>

#include "engine/base/hash.h"
#include "tests/simulation/cluster_job.h"
#include "tests/support/plain_operator.h"

namespace leadflow::simulation {
namespace {

class ClusterIngest final : public PlainOperator {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      const auto words = Words(message.value);
      const bool known = (words.size() == 5 && words[0] == "A") ||
                         (words.size() == 3 && (words[0] == "M" || words[0] == "P"));
      if (!known) {
        context_->Reject("list", std::to_string(message.line), "not a message", message.value);
        continue;
      }
      context_->ObserveEventTime(NumberOf(words[1]), message.log_time_ms);
      const std::string_view key = words[words[0] == "A" ? 3 : 2];
      context_->Emit(OutputId::kEvents, Hash64(key), message.value);
    }
    return {};
  }
};

class ClusterOperator final : public PlainOperator {
 public:
  explicit ClusterOperator(bool forgetful) : forgetful_(forgetful) {}

  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) LEADFLOW_RETURN_IF_ERROR(Take(message.value));
    return {};
  }

  Status Prepare() override {
    for (const std::uint64_t key : changed_) Stage(key);
    changed_.clear();
    for (const auto& [group, figures] : facts_) {
      const std::string name = std::to_string(group);
      context_->Emit(OutputId::kFacts, Hash64(name), name + " " + EncodeFigures(figures));
    }
    facts_.clear();
    return {};
  }

  // Clusters stay in memory over some commits.
  void Sealed() override {
    if (++commits_ % 3 == 0) cache_.clear();
  }
  void Aborted() override {
    cache_.clear();
    changed_.clear();
    facts_.clear();
  }

 private:
  Status Take(std::string_view message) {
    const auto words = Words(message);
    const auto key = static_cast<std::uint64_t>(NumberOf(words[words[0] == "A" ? 3 : 2]));
    if (words[0] == "P") return {ErrorCode::kInternal, "poison"};
    LEADFLOW_ASSIGN_OR_RETURN(Cluster* const cluster, Find(key));
    Change(key, *cluster, -1);
    if (words[0] == "M") {
      Move(key, cluster);
    } else {
      const bool first_hand = words[0] == "A";
      if (first_hand) {
        ++cluster->arrivals;
        context_->Count("arrivals", "", 1);
      }
      const auto id = static_cast<std::uint64_t>(NumberOf(words[first_hand ? 2 : 1]));
      Add(key, cluster, id, NumberOf(words[first_hand ? 4 : 3]), !first_hand);
    }
    Change(key, *cluster, +1);
    // Half of them are staged at once, the others when the commit is prepared.
    if (key % 2 == 0) {
      Stage(key);
    } else {
      changed_.insert(key);
    }
    return {};
  }

  // A number that comes to a key that has moved follows it.
  void Add(std::uint64_t key, Cluster* cluster, std::uint64_t id, std::int64_t value, bool sent) {
    if (cluster->moved) return Send(key, id, value);
    const auto [number, added] = cluster->numbers.try_emplace(id, Cluster::Number{value, 1});
    if (added) context_->store().Put(IndexKey(key, id), "");
    if (!added && sent && forgetful_) ++number->second.times;
  }

  void Move(std::uint64_t key, Cluster* cluster) {
    if (ClusterJob::TargetOf(key) == key) return;
    cluster->moved = true;
    for (const auto& [id, number] : cluster->numbers) {
      Send(key, id, number.value);
      context_->store().Delete(IndexKey(key, id));
    }
    cluster->numbers.clear();
  }

  void Send(std::uint64_t key, std::uint64_t id, std::int64_t value) {
    const std::string target = std::to_string(ClusterJob::TargetOf(key));
    context_->Emit(OutputId::kEvents, Hash64(target),
                   "F " + std::to_string(id) + " " + target + " " + std::to_string(value));
  }

  void Change(std::uint64_t key, const Cluster& cluster, std::int64_t sign) {
    Figures& sum = facts_[key % kGroups];
    const Figures figures = FiguresOf(cluster);
    sum.resize(figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i) sum[i] += sign * figures[i];
  }

  Result<Cluster*> Find(std::uint64_t key) {
    const auto known = cache_.find(key);
    if (known != cache_.end()) return &known->second;
    LEADFLOW_ASSIGN_OR_RETURN(const auto stored, context_->store().Get(ClusterKey(key)));
    return &(cache_[key] = stored ? DecodeCluster(*stored) : Cluster());
  }

  void Stage(std::uint64_t key) {
    context_->store().Put(ClusterKey(key), EncodeCluster(cache_[key]));
  }

  const bool forgetful_;
  std::map<std::uint64_t, Cluster> cache_;
  std::set<std::uint64_t> changed_;
  std::map<std::uint64_t, Figures> facts_;  // By group.
  int commits_ = 0;
};

class GroupOperator final : public PlainOperator {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      const std::size_t space = message.value.find(' ');
      Figures& sum = changes_[std::string(message.value.substr(0, space))];
      const Figures figures = DecodeFigures(message.value.substr(space + 1));
      sum.resize(figures.size());
      for (std::size_t i = 0; i < figures.size(); ++i) sum[i] += figures[i];
    }
    return {};
  }
  // Stores the sums, and sends each as a row.
  Status Prepare() override {
    for (auto& [group, figures] : changes_) {
      const std::string key = GroupKey(static_cast<std::uint64_t>(NumberOf(group)));
      LEADFLOW_ASSIGN_OR_RETURN(const auto stored, context_->store().Get(key));
      const Figures old = stored ? DecodeFigures(*stored) : Figures(figures.size());
      for (std::size_t i = 0; i < figures.size(); ++i) figures[i] += old[i];
      context_->store().Put(key, EncodeFigures(figures));
      context_->Publish(0, key, EncodeFigures(figures), {});
    }
    changes_.clear();
    return {};
  }
  void Aborted() override { changes_.clear(); }

 private:
  std::map<std::string, Figures> changes_;
};

}  // namespace

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return words;
}

std::int64_t NumberOf(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string ClusterKey(std::uint64_t key) { return "C" + std::to_string(key); }
std::string IndexKey(std::uint64_t key, std::uint64_t id) {
  return "I" + std::to_string(key) + "/" + std::to_string(id);
}
std::string GroupKey(std::uint64_t group) { return "G" + std::to_string(group); }

std::string EncodeCluster(const Cluster& cluster) {
  std::string out = std::to_string(cluster.arrivals) + (cluster.moved ? " 1" : " 0");
  for (const auto& [id, number] : cluster.numbers) {
    out += " " + std::to_string(id) + " " + std::to_string(number.value) + " " +
           std::to_string(number.times);
  }
  return out;
}

Cluster DecodeCluster(std::string_view text) {
  const auto words = Words(text);
  Cluster cluster;
  cluster.arrivals = NumberOf(words[0]);
  cluster.moved = words[1] == "1";
  for (std::size_t i = 2; i + 2 < words.size(); i += 3) {
    cluster.numbers[static_cast<std::uint64_t>(NumberOf(words[i]))] = {NumberOf(words[i + 1]),
                                                                       NumberOf(words[i + 2])};
  }
  return cluster;
}

Figures FiguresOf(const Cluster& cluster) {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  for (const auto& [id, number] : cluster.numbers) {
    count += number.times;
    sum += number.value * number.times;
  }
  return {count > 0 ? 1 : 0, count, sum, sum * sum, cluster.arrivals};
}

std::string EncodeFigures(const Figures& figures) {
  std::string out;
  for (const std::int64_t figure : figures) {
    out += (out.empty() ? "" : " ") + std::to_string(figure);
  }
  return out;
}

Figures DecodeFigures(std::string_view text) {
  Figures figures;
  for (const std::string_view word : Words(text)) figures.push_back(NumberOf(word));
  return figures;
}

std::unique_ptr<Operator> MakeClusterIngest() { return std::make_unique<ClusterIngest>(); }
std::unique_ptr<Operator> MakeClusterOperator(bool forgetful) {
  return std::make_unique<ClusterOperator>(forgetful);
}
std::unique_ptr<Operator> MakeGroupOperator() { return std::make_unique<GroupOperator>(); }

}  // namespace leadflow::simulation
