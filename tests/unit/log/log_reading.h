// What tests of a Log commit, read and wait by.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/log/log.h"

namespace leadflow {

#define LOG_ASSERT_OK(expression)                                        \
  do {                                                                   \
    const ::leadflow::Status log_assert_status = (expression);           \
    ASSERT_TRUE(log_assert_status.ok()) << log_assert_status.ToString(); \
  } while (false)
#define LOG_EXPECT_OK(expression)                                        \
  do {                                                                   \
    const ::leadflow::Status log_expect_status = (expression);           \
    EXPECT_TRUE(log_expect_status.ok()) << log_expect_status.ToString(); \
  } while (false)

// True once `reached` is; false if it is not for longer than any log may take.
inline bool Eventually(const std::function<bool()>& reached) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!reached()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

// Calls Commit until it says something else than "again".
inline Status CommitAtLast(LogWriter& writer) {
  Status status;
  EXPECT_TRUE(Eventually([&] {
    status = writer.Commit();
    return !status.retryable();
  })) << status;
  return status;
}

struct ReadRecord {
  std::int64_t offset;
  std::string key;
  std::string value;
  bool tombstone;
  std::int64_t timestamp_ms;
};

// All that a reader finds from `offset` on, polled in bites of `max_bytes`.
inline std::vector<ReadRecord> ReadFrom(Log& log, const TopicPartition& partition,
                                        std::int64_t offset, std::size_t max_bytes = 1 << 20) {
  std::vector<ReadRecord> found;
  const std::unique_ptr<LogReader> reader = log.NewReader();
  LOG_EXPECT_OK(reader->Seek(partition, offset));
  EXPECT_TRUE(Eventually([&] {
    const Result<std::size_t> count = reader->Poll(
        max_bytes, [&](const TopicPartition& from, std::span<const LogRecord> records) {
          EXPECT_EQ(from, partition);
          for (const LogRecord& record : records) {
            found.push_back({record.offset, std::string(record.key), std::string(record.value),
                             record.tombstone, record.timestamp_ms});
          }
        });
    LOG_EXPECT_OK(count.status());
    return !count.ok() || reader->AtEnd(partition);
  })) << "the log never said where "
      << partition.topic << " ends";
  return found;
}

inline std::vector<std::string> ValuesFrom(Log& log, const TopicPartition& partition,
                                           std::int64_t offset = 0,
                                           std::size_t max_bytes = 1 << 20) {
  std::vector<std::string> values;
  for (const ReadRecord& record : ReadFrom(log, partition, offset, max_bytes)) {
    values.push_back(record.value);
  }
  return values;
}

}  // namespace leadflow
