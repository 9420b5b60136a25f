// Messages in memory stay where they are, however many follow.
#include "engine/runtime/message_buffer.h"

#include <string>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

std::string Text(std::size_t i) { return std::to_string(i) + std::string(i * 97 % 3000, 'x'); }

TEST(MessageBufferTest, KeepsEveryMessageInOrder) {
  MessageBuffer buffer;
  for (std::size_t i = 0; i < 500; ++i) buffer.Append(Text(i), static_cast<std::int64_t>(i));
  ASSERT_EQ(buffer.messages().size(), 500u);
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(buffer.messages()[i].value, Text(i));
    EXPECT_EQ(buffer.messages()[i].log_time_ms, static_cast<std::int64_t>(i));
  }
}

TEST(MessageBufferTest, TakesEmptyAndHugeMessages) {
  const std::string huge(1 << 20, 'h');
  MessageBuffer buffer;
  for (const std::string& text : {std::string(), huge, std::string("a"), huge, std::string()}) {
    buffer.Append(text, 0);
  }
  EXPECT_EQ(buffer.messages()[1].value, huge);
  EXPECT_EQ(buffer.messages()[2].value, "a");
  EXPECT_EQ(buffer.messages()[4].value, "");
  EXPECT_EQ(buffer.bytes(), 2 * huge.size() + 1);
}

TEST(MessageBufferTest, CanBeFilledAgain) {
  MessageBuffer buffer;
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(buffer.empty());
    for (std::size_t i = 0; i < 2000; ++i) buffer.Append(Text(i), 0);
    EXPECT_EQ(buffer.messages()[1999].value, Text(1999));
    buffer.Clear();
    EXPECT_EQ(buffer.bytes(), 0u);
  }
}

}  // namespace
}  // namespace leadflow
