// Prints the rows that a subscriber of topics has in the end, one JSON object a line.
//
//   read_rows BROKERS PARTITIONS TOPIC...
#include <cstdio>
#include <cstdlib>

#include "tests/kafka/read_topic.h"

int main(int argc, char** argv) {
  for (int i = 3; i < argc; ++i) {
    const auto records = leadflow::ReadTopic(argv[1], argv[i], std::atoi(argv[2]));
    if (!records) {
      std::fprintf(stderr, "read_rows: %s has no end\n", argv[i]);
      return 1;
    }
    std::map<std::string, std::optional<std::string>> rows;
    for (const leadflow::TopicRecord& record : *records) rows[record.key] = record.value;
    for (const auto& [key, row] : rows) {
      if (row) std::printf("%s\n", row->c_str());
    }
  }
}
