#include "operators/kpi/row_feed.h"

#include "engine/base/hash.h"
#include "engine/base/wire.h"

namespace leadflow {

std::string RowFeed::StoreKey() const {
  std::string key(1, kFeedKey);
  WireWriter(&key).Fixed64(id);
  return key;
}

std::vector<RowFeed> RowFeedsOf(const Pipeline& pipeline, const SchemaIdsByTopic& schemas) {
  std::vector<RowFeed> feeds;
  for (const RowTopicSpec& output : pipeline.row_topics) {
    for (const KpiSpec& kpi : pipeline.kpis) {
      if (!Carries(output, kpi.name)) continue;
      RowFeed& feed = feeds.emplace_back();
      feed.topic = TopicOf(output, kpi.name);
      feed.output = &output;
      feed.kpi = &kpi;
      if (const auto ids = schemas.find(feed.topic); ids != schemas.end()) {
        feed.schemas = ids->second;
      }
      std::string what;
      WireWriter writer(&what);
      writer.Bytes(feed.topic);
      writer.Bytes(kpi.name);
      writer.Byte(static_cast<std::uint8_t>(output.format));
      writer.Byte(static_cast<std::uint8_t>(output.envelope));
      writer.Byte(output.settled_only ? 1 : 0);
      if (feed.schemas.key != 0) writer.Varint(feed.schemas.key);
      feed.id = Hash64(what);
    }
  }
  return feeds;
}

}  // namespace leadflow
