// Prints the rows that a subscriber of topics has in the end, one JSON object a line; with --all
// every record that it has seen, in its order.
//
//   read_rows BROKERS PARTITIONS [--all] TOPIC...
#include <cstdio>
#include <cstdlib>

#include <string_view>

#include "tests/kafka/read_topic.h"

int main(int argc, char** argv) {
  const bool all = argc > 3 && std::string_view(argv[3]) == "--all";
  for (int i = all ? 4 : 3; i < argc; ++i) {
    const auto records = leadflow::ReadTopic(argv[1], argv[i], std::atoi(argv[2]));
    if (!records) {
      std::fprintf(stderr, "read_rows: %s has no end\n", argv[i]);
      return 1;
    }
    std::map<std::string, std::optional<std::string>> rows;
    for (const leadflow::TopicRecord& record : *records) {
      if (all && record.value) std::printf("%s\n", record.value->c_str());
      rows[record.key] = record.value;
    }
    if (all) continue;
    for (const auto& [key, row] : rows) {
      if (row) std::printf("%s\n", row->c_str());
    }
  }
}
