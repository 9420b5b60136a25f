// The operators of ClusterJob, and the bytes that they store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"

namespace leadflow::simulation {

inline constexpr std::uint64_t kGroups = 5;
inline constexpr std::int64_t kDisorderMs = 5;

// What is stored of a key.
struct Cluster {
  std::int64_t arrivals = 0;  // Messages that came from a source, doubled ones too.
  bool moved = false;
  struct Number {
    std::int64_t value = 0;
    std::int64_t times = 1;  // Ever only 1, but for a deliberate mistake.
  };
  std::map<std::uint64_t, Number> numbers;  // By id.
};

std::string EncodeCluster(const Cluster& cluster);
Cluster DecodeCluster(std::string_view text);
std::string ClusterKey(std::uint64_t key);
std::string IndexKey(std::uint64_t key, std::uint64_t id);  // One for each number of a key.
std::string GroupKey(std::uint64_t group);

// f: what a cluster adds to its group.
using Figures = std::vector<std::int64_t>;  // Keys, numbers, their sum, its square, arrivals.
Figures FiguresOf(const Cluster& cluster);
std::string EncodeFigures(const Figures& figures);
Figures DecodeFigures(std::string_view text);

std::vector<std::string_view> Words(std::string_view text);
std::int64_t NumberOf(std::string_view text);

// "A time id key number", "M time key", "P time key" (poison); all else is refused.
std::unique_ptr<Operator> MakeClusterIngest();
std::unique_ptr<Operator> MakeClusterOperator(bool forgetful);
std::unique_ptr<Operator> MakeGroupOperator();

}  // namespace leadflow::simulation
