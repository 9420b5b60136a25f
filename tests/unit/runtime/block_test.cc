// Blocks: what goes in comes out, and bytes that are none are refused without reading beyond them.
#include "engine/runtime/block.h"

#include <random>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

using Messages = std::vector<std::string>;

struct Block {
  Status status;
  Messages messages;
  std::vector<BlockMark> marks;
};

Block Read(std::string_view bytes) {
  Block block;
  std::vector<MessageView> views;
  block.status = ReadBlock(bytes, 77, &views, &block.marks);
  for (const MessageView& view : views) {
    EXPECT_EQ(view.log_time_ms, 77);
    block.messages.emplace_back(view.value);
  }
  return block;
}

BlockMark Mark(std::uint32_t sender, std::int64_t at, bool active) {
  return {.sender = sender,
          .source_id = 0x1122334455667788,
          .mark = {.watermark_ms = at, .active = active}};
}

TEST(BlockTest, HoldsMessagesOfAnyBytes) {
  const Messages messages = {"", "a", std::string("\0\xff", 2), std::string(1000, 'x')};
  BlockBuilder builder;
  for (const std::string& message : messages) builder.Append(message);
  ASSERT_EQ(builder.Finish().size(), 1u);
  const Block block = Read(builder.Finish()[0]);
  EXPECT_TRUE(block.status.ok()) << block.status;
  EXPECT_EQ(block.messages, messages);
  EXPECT_TRUE(block.marks.empty());
}

TEST(BlockTest, MarksTravelBehindTheLastMessage) {
  BlockBuilder builder;
  const std::string half(BlockBuilder::kBlockBytes / 2, 'x');
  for (int i = 0; i < 3; ++i) builder.Append(half);
  builder.AddMark(Mark(3, -1, false));
  builder.AddMark(Mark(4, kNoWatermark, true));
  const std::vector<std::string> blocks = builder.Finish();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_TRUE(Read(blocks[0]).marks.empty());
  const Block last = Read(blocks[2]);
  EXPECT_EQ(last.messages, Messages{half});
  ASSERT_EQ(last.marks.size(), 2u);
  EXPECT_EQ(last.marks[0].sender, 3u);
  EXPECT_EQ(last.marks[0].source_id, 0x1122334455667788u);
  EXPECT_EQ(last.marks[0].mark, (SourceMark{.watermark_ms = -1, .active = false}));
  EXPECT_EQ(last.marks[1].mark, SourceMark{});
}

TEST(BlockTest, MarksAloneMakeABlock) {
  BlockBuilder builder;
  EXPECT_TRUE(builder.empty());
  builder.AddMark(Mark(1, 5, true));
  EXPECT_FALSE(builder.empty());
  ASSERT_EQ(builder.Finish().size(), 1u);
  EXPECT_EQ(Read(builder.Finish()[0]).marks.size(), 1u);
}

TEST(BlockTest, ALargeMessageHasABlockOfItsOwn) {
  BlockBuilder builder;
  const std::string large(BlockBuilder::kBlockBytes + 1, 'x');
  builder.Append("a");
  builder.Append(large);
  builder.Append("b");
  const std::vector<std::string> blocks = builder.Finish();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(Read(blocks[1]).messages, Messages{large});
  EXPECT_EQ(Read(blocks[2]).messages, Messages{"b"});
}

TEST(BlockTest, ClearForgetsEverything) {
  BlockBuilder builder;
  builder.Append("a");
  builder.AddMark(Mark(1, 5, true));
  builder.Clear();
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.bytes(), 0u);
  EXPECT_TRUE(builder.Finish().empty());
}

TEST(BlockTest, ACutBlockIsRefusedUnlessItEndsBetweenMessages) {
  BlockBuilder builder;
  builder.AddMark(Mark(1, 5, true));
  builder.Append("first");
  builder.Append("second");
  const std::string whole = builder.Finish()[0];
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Block block = Read(std::string_view(whole).substr(0, size));
    const bool between = size + 7 == whole.size() || size + 13 == whole.size();
    EXPECT_EQ(block.status.code(), between ? ErrorCode::kOk : ErrorCode::kCorruption) << size;
  }
}

TEST(BlockTest, RefusesBytesThatAreNoBlock) {
  const std::string many("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);  // 2^64 - 1 marks
  const std::string long_message("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 13);
  const std::string endless("\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 13);
  for (const std::string& bytes :
       {std::string(), std::string(1, '\0'), many, long_message, endless}) {
    EXPECT_EQ(Read(bytes).status.code(), ErrorCode::kCorruption);
  }
}

TEST(BlockTest, NamesABlockOfANewerRelease) {
  EXPECT_EQ(Read("\x02whatever").status.code(), ErrorCode::kFailedPrecondition);
}

TEST(BlockTest, RandomBytesDoNoHarm) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (!bytes.empty()) bytes[0] = 1;
    std::size_t size = 0;
    for (const std::string& message : Read(bytes).messages) size += message.size();
    EXPECT_LE(size, bytes.size());
  }
}

}  // namespace
}  // namespace leadflow
